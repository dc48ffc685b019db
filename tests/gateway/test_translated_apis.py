"""The Responses API and Anthropic's Messages API of a server that has chat completions only, in the real LiteLLM."""

from __future__ import annotations

import json

import openai
import pytest
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.processes import Gateway
from gateway.stub_model import StubModel
from gateway.test_proxy_access import CHAT, through

pytestmark = pytest.mark.xdist_group("litellm")


def only_chat(stub: StubModel) -> None:
    """Let the server have chat completions alone."""

    async def missing(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "no such path"}}, status=404)

    for path in ("/responses", "/messages", "/responses/input_tokens"):
        stub.behaviours[path] = missing


def test_the_responses_api_of_a_server_with_chat_completions(whole: Gateway, stub: StubModel) -> None:
    only_chat(stub)
    client = openai.OpenAI(api_key=TOKEN, base_url=f"{whole.url}/v2/serve", max_retries=0)
    answer = client.responses.create(model="writer", input="hi")
    assert (answer.output_text, answer.status) == ("Hello there", "completed")
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 2)
    events = list(client.responses.create(model="writer", input="hi", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello there"
    assert events[-1].type == "response.completed"
    assert {seen.target for seen in stub.seen} == {"/v1/chat/completions"}


@pytest.mark.parametrize("path", ["/messages", "/v1/messages"])
def test_anthropic_messages_of_a_server_with_chat_completions(whole: Gateway, stub: StubModel, path: str) -> None:
    only_chat(stub)
    body = CHAT | {"max_tokens": 10}
    answer = through(whole, path, body).json()
    assert answer["content"] == [{"type": "text", "text": "Hello there"}]
    assert answer["usage"] == {"input_tokens": 5, "output_tokens": 2}
    text = through(whole, path, body | {"stream": True}).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    assert "".join(event["delta"].get("text", "") for event in events if "delta" in event) == "Hello there"
    assert events[-1]["type"] == "message_stop"
    assert {seen.target for seen in stub.seen} == {"/v1/chat/completions"}


def test_anthropic_thinking_of_a_server_with_chat_completions(whole: Gateway, stub: StubModel) -> None:
    only_chat(stub)
    body = CHAT | {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    answer = through(whole, "/v1/messages", body)
    assert answer.status_code == 200, answer.text
    assert json.loads(stub.last.body)["reasoning_effort"] == "low"
    assert {seen.target for seen in stub.seen} == {"/v1/chat/completions"}


@pytest.mark.parametrize("name", ["previous_response_id", "conversation"])
def test_a_conversation_that_is_not_stored_is_not_ignored(whole: Gateway, stub: StubModel, name: str) -> None:
    answer = through(whole, "/responses", {"model": "writer", "input": "hi", name: "resp_1"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(f"Remove {name!r}: responses of this model are not stored.")
    assert not stub.seen
