"""LiteLLM's `null` after a server's 422, which is no answer."""

from __future__ import annotations

import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.processes import Gateway
from gateway.stub_model import StubModel

BODY = {"model": "writer", "messages": [{"role": "user", "content": "hi"}]}


def ask(served: Gateway, stub: StubModel, content: bytes, kind: str = "application/json") -> requests.Response:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type=kind)

    stub.behaviours["/chat/completions"] = answer
    url = f"{served.url}/v2/serve/chat/completions"
    return requests.post(url, json=BODY, headers={"Api-Key": TOKEN}, timeout=10)


def test_null_is_a_rejection_of_the_model(served: Gateway, stub: StubModel) -> None:
    answer = ask(served, stub, b"null")
    assert answer.status_code == 400
    assert "rejected the request with status 422" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("content", "kind"), [(b'{"a":1}', "application/json"), (b"null", "text/plain")])
def test_other_answers_pass(served: Gateway, stub: StubModel, content: bytes, kind: str) -> None:
    answer = ask(served, stub, content, kind)
    assert (answer.status_code, answer.content) == (200, content)
