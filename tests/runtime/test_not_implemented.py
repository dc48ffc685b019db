"""What this release does not have yet says so."""

from __future__ import annotations

import importlib

import pytest
from fastapi.testclient import TestClient


def test_the_gateway_is_not_healthy() -> None:
    client = TestClient(importlib.import_module("lisa_gateway.app").create_app())
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["message"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/v2/serve/models", "/docs"])
def test_the_gateway_answers_501(method: str, path: str) -> None:
    client = TestClient(importlib.import_module("lisa_gateway.app").create_app())
    answer = client.request(method, path)
    assert answer.status_code == 501
    assert answer.json()["code"] == "NotImplemented"
