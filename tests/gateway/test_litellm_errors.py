"""What callers see of the errors of the pinned LiteLLM, and of models behind it."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.processes import Gateway
from gateway.stub_model import StubModel, chunk, open_stream
from gateway.test_proxy_access import CHAT, through

TOO_LONG = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
SECRETS = ("Traceback", "127.0.0.1", "litellm", "LiteLLM", "site-packages", "/opt", ".py", "Exception", "Model Group")
TRACE = 'Traceback (most recent call last):\n  File "/opt/vllm/engine.py", line 3, in run\nValueError: 10.0.0.7'


def unseen(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("model", ["writer", "external", "pair"])
@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/messages"])
def test_a_model_error_passes_without_what_litellm_adds(whole: Gateway, stub: StubModel, model: str, path: str) -> None:
    async def fail(_: web.Request) -> web.Response:
        error = {"message": TOO_LONG, "type": "BadRequestError", "param": "messages", "code": 400}
        return web.json_response({"error": error}, status=400)

    stub.behaviours |= {"/chat/completions": fail, "/completions": fail, "/responses": fail}
    body = CHAT | {"model": model, "input": "x", "max_tokens": 5}
    answer = through(whole, path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == TOO_LONG
    assert answer.json()["error"]["request_id"] == answer.headers["X-Request-ID"]
    assert not unseen(answer.text)


@pytest.mark.parametrize("how", ["trace", "html", "not json", "no object", "hang up"])
@pytest.mark.parametrize("path", ["/chat/completions", "/embeddings", "/messages"])
def test_failures_of_litellm_show_nothing_of_the_inside(whole: Gateway, stub: StubModel, how: str, path: str) -> None:
    async def fail(request: web.Request) -> web.Response:
        if how == "hang up":
            assert request.transport is not None
            request.transport.abort()
        if how == "trace":
            return web.json_response({"error": {"message": TRACE}}, status=500)
        if how == "html":
            return web.Response(status=502, text=f"<html>{TRACE}</html>", content_type="text/html")
        return web.Response(status=200, text="{" if how == "not json" else "[7]", content_type="application/json")

    stub.behaviours |= {"/chat/completions": fail, "/embeddings": fail}
    model = "embedder" if path == "/embeddings" else "writer"
    answer = through(whole, path, CHAT | {"model": model, "input": "x", "max_tokens": 5})
    assert answer.status_code >= 400
    assert answer.json()["error"].keys() == {"message", "type", "param", "code", "request_id"}
    assert not unseen(answer.text), answer.text


def test_refusals_within_litellm_have_the_gateways_code(whole: Gateway) -> None:
    answer = through(whole, "/chat/completions", CHAT | {"model": "unknown"})
    error: dict[str, Any] = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "unsupported_parameter")
    assert error["message"] == "Unknown model 'unknown'. Use a model listed by /models."


@pytest.mark.parametrize("how", ["error event", "broken"])
def test_a_stream_that_fails_in_litellm_is_raised_by_openais_client(whole: Gateway, stub: StubModel, how: str) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await answer.write(chunk("a", chat=True))
        if how == "error event":
            await answer.write(b"data: " + json.dumps({"error": {"message": TRACE, "code": 500}}).encode() + b"\n\n")
            return answer
        assert request.transport is not None
        request.transport.abort()
        return answer

    stub.behaviours["/chat/completions"] = half
    client = openai.OpenAI(base_url=f"{whole.url}/v2/serve", api_key=TOKEN, max_retries=0, timeout=60)
    messages: Any = [{"role": "user", "content": "x"}]
    with pytest.raises(openai.APIError) as raised:
        # LiteLLM may answer with the error when it comes early enough.
        list(client.chat.completions.create(model="writer", messages=messages, stream=True))
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["request_id"]
    assert not unseen(json.dumps(raised.value.body))
