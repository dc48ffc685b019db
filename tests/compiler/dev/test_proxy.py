"""LiteLLM's configuration on this machine: hosted models lead elsewhere, everything else is as it was compiled."""

from __future__ import annotations

from typing import Any

from lisa_compiler.dev.models import Endpoint
from lisa_compiler.dev.proxy import redirected

ENDPOINTS = {"textgen": Endpoint("http://text/v1", key="secret"), "embedding": Endpoint("http://vectors/v1")}
TYPES = {"writer": "textgen", "embedder": "embedding"}


def entry(name: str, **params: str) -> dict[str, Any]:
    given = {"model": f"openai/org/{name}", "api_base": f"http://{name}.lisa.internal/v1", "api_key": "ignored"}
    return {"model_name": name, "litellm_params": given | params}


def test_hosted_models_lead_to_the_server_of_their_type() -> None:
    found = redirected({"model_list": [entry("writer"), entry("embedder")]}, TYPES, ENDPOINTS)
    assert found["model_list"] == [
        entry("writer", api_base="http://text/v1", api_key="secret"),
        entry("embedder", api_base="http://vectors/v1"),
    ]


def test_a_server_may_have_its_own_name_for_the_model() -> None:
    endpoints = ENDPOINTS | {"textgen": Endpoint("http://text/v1", "llama3.2")}
    (found,) = redirected({"model_list": [entry("writer")]}, TYPES, endpoints)["model_list"]
    assert found == entry("writer", model="openai/llama3.2", api_base="http://text/v1")


def test_models_of_others_stay_as_they_are() -> None:
    external = {"model_name": "nova", "litellm_params": {"model": "bedrock/amazon.nova-lite-v1:0"}}
    assert redirected({"model_list": [external]}, TYPES, ENDPOINTS)["model_list"] == [external]


def test_the_rest_is_kept_but_for_the_key() -> None:
    compiled = {
        "model_list": [],
        "litellm_settings": {"drop_params": True},
        "general_settings": {"master_key": "os.environ/PROXY_KEY", "request_timeout": 60},
    }
    found = redirected(compiled, TYPES, ENDPOINTS)
    assert found["litellm_settings"] == {"drop_params": True}
    assert found["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY", "request_timeout": 60}
