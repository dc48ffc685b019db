"""The server for instruction-tuned embeddings, with a stand-in for the model."""

from __future__ import annotations

import base64
import importlib
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient


class FakeEncoder:
    """Embeds a text as its length and the instruction's."""

    def __init__(self, settings: object) -> None:
        self.settings = settings

    def encode(self, texts: Sequence[str], instruction: str) -> Any:
        encoded = importlib.import_module("lisa_instructor.encoder").Encoded
        return encoded([[float(len(text)), float(len(instruction))] for text in texts], len(texts))


@pytest.fixture
def client() -> Iterator[TestClient]:
    settings = importlib.import_module("lisa_instructor.settings").Settings(
        model_path="/m", model_name="org/name", max_inputs=3
    )
    with TestClient(importlib.import_module("lisa_instructor.app").create_app(settings, FakeEncoder)) as client:
        yield client


def test_one_text(client: TestClient) -> None:
    answer = client.post("/v1/embeddings", json={"model": "any", "input": "abc", "user": "x"})
    assert answer.status_code == 200
    assert answer.json() == {
        "object": "list",
        "model": "org/name",
        "data": [{"object": "embedding", "index": 0, "embedding": [3.0, 23.0]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }


def test_several_texts_keep_their_order(client: TestClient) -> None:
    data = client.post("/v1/embeddings", json={"input": ["a", "abc"]}).json()["data"]
    assert [entry["embedding"][0] for entry in data] == [1.0, 3.0]
    assert [entry["index"] for entry in data] == [0, 1]


def test_an_instruction(client: TestClient) -> None:
    data = client.post("/v1/embeddings", json={"input": "a", "instruction": "four"}).json()["data"]
    assert data[0]["embedding"][1] == 4.0


def test_base64(client: TestClient) -> None:
    data = client.post("/v1/embeddings", json={"input": "abc", "encoding_format": "base64"}).json()["data"]
    assert struct.unpack("<2f", base64.b64decode(data[0]["embedding"])) == (3.0, 23.0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"input": []}, 400),
        ({"input": ""}, 400),
        ({"input": 7}, 400),
        ({"input": ["a"] * 4}, 413),
        ({"input": "a", "encoding_format": "x"}, 400),
    ],
)
def test_what_is_wrong_is_said_as_openai_says_it(client: TestClient, body: dict[str, Any], status: int) -> None:
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"]


def test_a_busy_model(client: TestClient) -> None:
    client.app.state.waiting = 128  # type: ignore[attr-defined]
    assert client.post("/v1/embeddings", json={"input": "a"}).status_code == 429


def test_health_and_models(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "OK"}
    assert client.get("/v1/models").json()["data"][0]["id"] == "org/name"


def test_settings_come_from_the_environment() -> None:
    settings = importlib.import_module("lisa_instructor.settings").Settings
    read = settings.read({"LOCAL_MODEL_PATH": "/m", "MODEL_NAME": "n", "BATCH_SIZE": "8", "TRUST_REMOTE_CODE": "true"})
    assert (read.model_path, read.batch_size, read.trust_remote_code) == ("/m", 8, True)
    assert read.instruction == "Represent the document:"
    with pytest.raises(KeyError):
        settings.read({})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer other"}, 401),
        ({"authorization": "the-key"}, 401),
        ({"authorization": "Bearer the-key"}, 200),
    ],
)
def test_key(headers: dict[str, str], status: int) -> None:
    read = importlib.import_module("lisa_instructor.settings").Settings.read
    settings = read({"LOCAL_MODEL_PATH": "/m", "MODEL_NAME": "org/name", "LISA_MODEL_KEY": "the-key"})
    assert "the-key" not in repr(settings)
    with TestClient(importlib.import_module("lisa_instructor.app").create_app(settings, FakeEncoder)) as client:
        assert client.get("/health").status_code == 200
        for path in ("/v1/embeddings", "/v1/models"):
            method = "GET" if path == "/v1/models" else "POST"
            assert client.request(method, path, json={"input": "a"}, headers=headers).status_code == status
