"""Token counts on the direct path: asked for when access requires them, and not shown to a caller that did not ask.

tests/weights/test_served_adapters.py does the same with the real vLLM.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from gateway.direct_request import ask
from gateway.stub_model import StubModel, serving

STREAM = {"model": "hosted", "messages": [{"role": "user", "content": "hi"}], "stream": True}


@pytest.fixture(scope="module")
def _server() -> Iterator[StubModel]:
    with serving() as stub:
        yield stub


@pytest.fixture
def model(_server: StubModel) -> StubModel:
    """The model's server, as if it had just started."""
    _server.reset()
    return _server


def test_a_stream_is_asked_for_its_counts_which_the_caller_does_not_get(model: StubModel) -> None:
    plain, _, shown = ask(model.url, STREAM)
    assert json.loads(model.last.body) == STREAM
    assert b'"usage"' in shown  # This server sends them unasked; the direct path changes nothing.
    counted, status, hidden = ask(model.url, STREAM, counts_tokens=True)
    assert status == 200
    assert json.loads(model.last.body) == {**STREAM, "stream_options": {"include_usage": True}}
    events = shown.split(b"\n\n")
    assert hidden.split(b"\n\n") == [event for event in events if b'"usage"' not in event]
    assert (counted.prompt_tokens, counted.completion_tokens, counted.model) == (5, 2, "hosted")
    assert (plain.prompt_tokens, plain.completion_tokens) == (5, 2)
    assert not counted.has_estimated_tokens


@pytest.mark.parametrize("more", [{"stream": False}, {"stream_options": {"include_usage": True}}])
def test_a_caller_that_gets_the_counts_anyway_keeps_them(model: StubModel, more: dict[str, Any]) -> None:
    counted, _, shown = ask(model.url, STREAM | more, counts_tokens=True)
    assert json.loads(model.last.body) == STREAM | more
    assert b'"usage"' in shown
    assert (counted.prompt_tokens, counted.completion_tokens) == (5, 2)


def test_a_server_that_an_earlier_version_started_is_asked_by_its_former_name(model: StubModel) -> None:
    async def knows_one_name(request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["model"] == "org/hosted":
            return web.json_response({"ok": asked})
        error = {"message": "The model `hosted` does not exist.", "type": "NotFoundError", "code": 404}
        return web.json_response({"error": error}, status=404)

    model.behaviours["/chat/completions"] = knows_one_name
    body = STREAM | {"stream": False}
    assert ask(model.url, body)[1] == 404
    _, status, content = ask(model.url, body, former_name="org/hosted")
    assert (status, json.loads(content)) == (200, {"ok": body | {"model": "org/hosted"}})
    assert [json.loads(seen.body)["model"] for seen in model.seen] == ["hosted", "hosted", "org/hosted"]
