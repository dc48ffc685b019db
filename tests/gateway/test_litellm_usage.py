"""Token counts of requests that go through the real LiteLLM: those of the servers wherever there are some."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web

from gateway.conftest import USAGE, Aws, settings, stored_item
from gateway.litellm_proxy import KEYS
from gateway.processes import Gateway, gateway
from gateway.stub_model import StubModel, chunk, open_stream
from gateway.test_pass_through import wait_for
from lisa_gateway.usage import UsageReader
from lisa_tokens import new_token

pytestmark = pytest.mark.xdist_group("litellm")

HELLO: Any = [{"role": "user", "content": "hi"}]
REQUESTS: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": HELLO},
    "/completions": {"prompt": "hi"},
    "/responses": {"input": "hi"},
    "/v1/messages": {"messages": HELLO, "max_tokens": 5},
}


@pytest.fixture(scope="module")
def counted(aws: Aws, proxy: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, str, Path]]:
    """A gateway that records usage in front of LiteLLM, a token, and the directory of the audit records."""
    folder = tmp_path_factory.mktemp("counted")
    token = new_token()
    aws.put(stored_item(token, owner="litellm-usage"))
    environment = settings(aws, "http://127.0.0.1:1", proxy) | KEYS
    environment |= {"USAGE_TABLE_NAME": USAGE, "AUDIT_LOG_GROUP": "audit", "AUDIT_FOLDER": str(folder / "audit")}
    with gateway(folder, environment) as found:
        yield found, token, folder / "audit"


def ask(counted: tuple[Gateway, str, Path], path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The body of the response, and the audit record of the request."""
    served, token, folder = counted
    request_id = f"r-{time.monotonic_ns()}"
    headers = {"Api-Key": token, "X-Request-ID": request_id}
    answer = requests.post(f"{served.url}/v2/serve{path}", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text

    def records() -> list[dict[str, Any]]:
        lines = "".join(file.read_text() for file in folder.rglob("*") if file.is_file()).splitlines()
        return [json.loads(line) for line in lines if request_id in line]

    wait_for(records)
    return answer.text, records()[0]


@pytest.mark.parametrize("model", ["writer", "external"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", [path for path in REQUESTS if path != "/responses"])
def test_counts_of_the_server_are_recorded(
    counted: tuple[Gateway, str, Path], stub: StubModel, path: str, model: str, *, stream: bool
) -> None:
    text, record = ask(counted, path, {**REQUESTS[path], "model": model, "stream": stream})
    assert (record["tokensIn"], record["tokensOut"]) == (5, 2)
    if stream and "completions" in path:
        assert "usage" not in text
        assert "Hello" in text


def test_counts_of_a_translated_api(counted: tuple[Gateway, str, Path], stub: StubModel) -> None:
    _, record = ask(counted, "/responses", {**REQUESTS["/responses"], "model": "writer", "stream": True})
    assert (record["tokensIn"], record["tokensOut"]) == (5, 2)


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
def test_a_caller_that_asks_gets_the_event(counted: tuple[Gateway, str, Path], stub: StubModel, path: str) -> None:
    body = {**REQUESTS[path], "model": "external", "stream": True, "stream_options": {"include_usage": True}}
    text, record = ask(counted, path, body)
    assert '"prompt_tokens":5' in text
    assert record["tokensIn"] == 5
    declined, record = ask(counted, path, {**body, "stream_options": {"include_usage": False}})
    assert '"usage"' not in declined
    assert record["tokensIn"] == 5


def test_prompt_of_anthropics_stream_is_in_its_first_event() -> None:
    """As Anthropic's documentation has it: `message_delta` has the tokens of the answer alone."""
    usage = b'"usage":{"input_tokens":25,"output_tokens":1}'
    start = b'event: message_start\ndata: {"type":"message_start","message":{%b}}\n\n' % usage
    text = b"data: {}\n\n" * 1000
    delta = b'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":15}}\n\n'
    for parts in ([start, text, delta], [start[:30], start[30:], text, delta[:20], delta[20:]], [start + text + delta]):
        reader = UsageReader([(b"content-type", b"text/event-stream")])
        for part in parts:
            reader.feed(part)
        assert reader.tokens() == (25, 15)


def test_a_server_that_reports_nothing(counted: tuple[Gateway, str, Path], stub: StubModel) -> None:
    """LiteLLM counts itself then."""

    async def silent(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await answer.write(chunk("Hello", chat=True) + chunk(None, chat=True, finish="stop") + b"data: [DONE]\n\n")
        return answer

    stub.behaviours["/chat/completions"] = silent
    text, record = ask(
        counted, "/chat/completions", {**REQUESTS["/chat/completions"], "model": "external", "stream": True}
    )
    assert '"usage"' not in text
    assert 1 <= record["tokensIn"] <= 20
    assert record["tokensOut"] == 1
