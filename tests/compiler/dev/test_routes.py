"""The compiled routes on this machine, as the gateway reads them."""

from __future__ import annotations

import json
from typing import Any

from lisa_compiler.dev.models import Endpoint
from lisa_compiler.dev.routes import key_secrets, redirected
from lisa_gateway.routing.document import RoutingTable

WRITER: dict[str, Any] = {
    "name": "writer",
    "route": "direct",
    "type": "textgen",
    "engine": "vllm",
    "address": "http://writer.lisa.internal",
    "operations": ["chat", "completions"],
    "formerName": "org/writer",
    "serverName": "org/writer",
    "key": {"secret": "lisa/models/writer/key", "variable": "LISA_MODEL_KEY_WRITER"},
}
EMBEDDER = {**WRITER, "name": "embedder", "type": "embedding", "engine": "tei", "operations": ["embeddings"]}
EXTERNAL = {"name": "nova", "route": "litellm", "reason": "external"}
ACCESS = {"groups": {}, "everyone": {"models": ["writer"]}}
TEXT = Endpoint("http://127.0.0.1:81/v1", key="secret")
VECTORS = Endpoint("http://127.0.0.1:82/v1")


def table(text: Endpoint = TEXT) -> RoutingTable:
    document = {"schemaVersion": 1, "models": [WRITER, EMBEDDER, EXTERNAL], "access": ACCESS}
    return RoutingTable.read(json.dumps(redirected(document, {"textgen": text, "embedding": VECTORS})).encode())


def test_direct_routes_lead_to_the_server_of_their_type() -> None:
    found = table()
    writer, embedder = found.find("writer"), found.find("embedder")
    assert writer is not None
    assert embedder is not None
    assert (writer.is_direct, writer.address, embedder.address) == (True, "http://127.0.0.1:81", "http://127.0.0.1:82")
    # It takes any name, and was not started by an earlier version.
    assert (writer.server_name, writer.former_name) == ("", "")
    assert writer.operations == {"chat", "completions"}
    assert found.access == ACCESS


def test_keys_are_in_secrets() -> None:
    writer = table().find("writer")
    assert writer is not None
    assert writer.key is not None
    assert key_secrets({"textgen": TEXT, "embedding": VECTORS})[writer.key.secret] == "secret"


def test_a_server_may_have_its_own_name_for_the_model() -> None:
    writer = table(Endpoint("https://models.example.com:8443/v1/", "llama3.2")).find("writer")
    assert writer is not None
    assert (writer.server_name, writer.address) == ("llama3.2", "https://models.example.com:8443")


def test_a_server_at_another_path_is_called_through_litellm() -> None:
    writer = table(Endpoint("https://models.example.com/openai/v1")).find("writer")
    assert writer is not None
    assert (writer.is_direct, writer.reason) == (False, "the API of https://models.example.com/openai/v1 is not at /v1")


def test_models_of_others_stay_as_they_are() -> None:
    nova = table().find("nova")
    assert nova is not None
    assert not nova.is_direct
