"""Token counts on the direct path: asked for when access requires them, and not shown to a caller that did not ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.stub_model import StubModel, serving
from gateway.test_model_server import settings
from lisa_gateway.direct.path import DirectPath
from lisa_gateway.disconnect import Disconnect
from lisa_gateway.pass_through import PassThrough
from lisa_gateway.request_context import Caller, RequestContext
from lisa_gateway.routing.current import Routing
from lisa_gateway.routing.document import RoutedModel, RoutingTable


@pytest.fixture(scope="module")
def model() -> Iterator[StubModel]:
    with serving() as stub:
        yield stub


def ask(model: StubModel, body: dict[str, Any], *, counts_tokens: bool) -> tuple[RequestContext, bytes]:
    """The context after a request, and the body of its response."""
    context = RequestContext(request_id="r", began=0.0, caller=Caller(kind="token", key=b"k"))
    context.counts_tokens = counts_tokens
    received: list[dict[str, Any]] = []
    routed = RoutedModel(
        name="hosted", route="direct", kind="textgen", address=model.url, operations=frozenset(("chat", "completions"))
    )

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: Any) -> None:
        received.append(message)

    async def main() -> None:
        routing = Routing(RoutingTable((routed,)))
        direct = DirectPath(settings(), routing, keys=None)  # type: ignore[arg-type]
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v2/serve/chat/completions"}
        scope |= {"raw_path": b"/v2/serve/chat/completions", "query_string": b"", "headers": []}
        scope["state"] = {"resources": SimpleNamespace(routing=routing, direct=direct)}
        context.attach(scope)
        Disconnect().attach(scope)
        await PassThrough()(scope, receive, send)  # type: ignore[arg-type]
        direct.close()

    asyncio.run(main())
    assert received[0]["status"] == 200
    return context, b"".join(message["body"] for message in received[1:])


STREAM = {"model": "hosted", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def test_a_stream_is_asked_for_its_counts_which_the_caller_does_not_get(model: StubModel) -> None:
    plain, shown = ask(model, STREAM, counts_tokens=False)
    assert json.loads(model.last.body) == STREAM
    assert b'"usage"' in shown  # This server sends them unasked; the direct path changes nothing.
    counted, hidden = ask(model, STREAM, counts_tokens=True)
    assert json.loads(model.last.body) == {**STREAM, "stream_options": {"include_usage": True}}
    events = shown.split(b"\n\n")
    assert hidden.split(b"\n\n") == [event for event in events if b'"usage"' not in event]
    assert (counted.prompt_tokens, counted.completion_tokens, counted.model) == (5, 2, "hosted")
    assert (plain.prompt_tokens, plain.completion_tokens) == (5, 2)


@pytest.mark.parametrize("more", [{"stream": False}, {"stream_options": {"include_usage": True}}])
def test_a_caller_that_gets_the_counts_anyway_keeps_them(model: StubModel, more: dict[str, Any]) -> None:
    counted, shown = ask(model, STREAM | more, counts_tokens=True)
    assert json.loads(model.last.body) == STREAM | more
    assert b'"usage"' in shown
    assert (counted.prompt_tokens, counted.completion_tokens) == (5, 2)
