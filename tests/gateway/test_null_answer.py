"""LiteLLM's `None` after a server's 422, which is no answer; with the real LiteLLM for each API."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.processes import Gateway
from gateway.stub_model import StubModel, open_stream

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


TGI = {"error": "Input validation error: `inputs` must have less than 1024 tokens.", "error_type": "validation"}
MESSAGES = {**BODY, "max_tokens": 5}


@pytest.mark.xdist_group("litellm")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["writer", "external"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat/completions", BODY),
        ("/completions", {"prompt": "hi"}),
        ("/responses", {"input": "hi"}),
        ("/v1/messages", MESSAGES),
        ("/messages", MESSAGES),
    ],
)
def test_a_422_of_the_model_is_a_4xx_for_each_api(
    whole: Gateway, stub: StubModel, path: str, body: dict[str, Any], model: str, *, stream: bool
) -> None:
    async def reject(_: web.Request) -> web.Response:
        return web.json_response(TGI, status=422)

    stub.behaviours.update(dict.fromkeys(("/chat/completions", "/completions", "/responses"), reject))
    asked = {**body, "model": model, "stream": stream}
    answer = requests.post(f"{whole.url}/v2/serve{path}", json=asked, headers={"Api-Key": TOKEN}, timeout=60)
    content = answer.json()
    assert answer.status_code in (400, 422), answer.text
    assert content["error"]["type"] == "invalid_request_error"
    if path.endswith("messages"):
        # Anthropic's form of an error.
        assert content["type"] == "error"


@pytest.mark.xdist_group("litellm")
@pytest.mark.parametrize("model", ["writer", "external"])
def test_streams_of_messages_are_whole(whole: Gateway, stub: StubModel, model: str) -> None:
    url, headers = f"{whole.url}/v2/serve/messages", {"Api-Key": TOKEN}
    answer = requests.post(url, json={**MESSAGES, "model": model, "stream": True}, headers=headers, timeout=60)
    names = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert (names[0], names[-1]) == ("message_start", "message_stop")
    assert '"Hello"' in answer.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"'NoneType' object has no attribute '__aiter__'", 400),
        (b"Unexpected response type: <class 'NoneType'>", 400),
        (b"'NoneType' object has no attribute 'model'", 500),
    ],
)
def test_other_failures_of_litellm_stay_failures(served: Gateway, stub: StubModel, content: bytes, status: int) -> None:
    async def fail(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": content.decode()}}, status=500)

    stub.behaviours["/chat/completions"] = fail
    url = f"{served.url}/v2/serve/chat/completions"
    assert requests.post(url, json=BODY, headers={"Api-Key": TOKEN}, timeout=10).status_code == status


def test_a_stream_of_messages_that_breaks_before_its_second_event_is_an_error(served: Gateway, stub: StubModel) -> None:
    async def breaks(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await answer.write(b'event: message_start\ndata: {"type":"message_start"}\n\n')
        assert request.transport is not None
        request.transport.abort()
        return answer

    stub.behaviours["/messages"] = breaks
    answer = requests.post(
        f"{served.url}/v2/serve/messages", json={**MESSAGES, "stream": True}, headers={"Api-Key": TOKEN}, timeout=10
    )
    assert answer.status_code == 502


def test_deprecated_routes_reject_null_too(served: Gateway, stub: StubModel) -> None:
    async def null(_: web.Request) -> web.Response:
        return web.Response(body=b"null", content_type="application/json")

    stub.behaviours["/chat/completions"] = null
    body = {**BODY, "model": "org/writer (ecs.textgen.tgi)"}
    url = f"{served.url}/v1/openai/chat/completions"
    answer = requests.post(url, json=body, headers={"Api-Key": TOKEN}, timeout=10)
    assert answer.status_code == 400, answer.text
