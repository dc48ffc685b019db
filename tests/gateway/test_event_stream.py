"""Streams of events on their way: whole events byte for byte, errors in one form, and an end that clients raise."""

from __future__ import annotations

import json
import random

import pytest

from gateway.stub_model import chunk
from lisa_gateway.errors import UpstreamInterruptedError, UpstreamStalledError
from lisa_gateway.event_stream import EventStream, is_event_stream

PLAIN = chunk("an error occurred", chat=True) + chunk("a", chat=True) + b"data: [DONE]\n\n"
NAMED = (
    b'event: response.created\ndata: {"type":"response.created","response":{"error":null}}\n\n'
    b'event: response.output_text.delta\r\ndata: {"type":"x","delta":"error"}\r\n\r\n: comment error\n\n'
)


def passed(content: bytes, size: int) -> bytes:
    stream = EventStream("id")
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(stream.feed(part) for part in parts) + stream.end()


@pytest.mark.parametrize("size", [1, 3, 64, 10_000])
@pytest.mark.parametrize("content", [PLAIN, NAMED, b"data: x", b"data: error: not json\n\n", b"\r\r\n\n\n" + PLAIN])
def test_events_that_are_no_errors_pass_byte_for_byte(content: bytes, size: int) -> None:
    assert passed(content, size) == content


def test_parts_pass_at_once_when_they_end_an_event() -> None:
    stream = EventStream("id")
    assert stream.feed(b"data: 1\n\ndata: 2") == b"data: 1\n\n"
    assert stream.feed(b"\n\n") == b"data: 2\n\n"
    assert stream.feed(b"data: 3\r\n\r\n") == b"data: 3\r\n\r\n"


def test_a_long_event_passes_as_it_comes() -> None:
    image = b'data: {"b64_json":"' + b"error" * 40_000 + b'"}\n\n'
    stream = EventStream("id")
    first = stream.feed(image[:100_000])
    assert first == image[:100_000]
    assert first + stream.feed(image[100_000:]) + stream.feed(PLAIN) == image + PLAIN


def test_random_cuts_change_nothing() -> None:
    chance = random.Random(7)
    content = (PLAIN + NAMED) * 20
    for _ in range(30):
        stream, at, found = EventStream("id"), 0, b""
        while at < len(content):
            size = chance.randrange(1, 200)
            found += stream.feed(content[at : at + size])
            at += size
        assert found + stream.end() == content


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize(
    ("event", "message", "code"),
    [
        (b'data: {"error": {"message": "Too long", "type": "t", "code": 400}}\n\n', "Too long", "upstream_error"),
        (b'data: {"object": "error", "message": "Too long", "code": 400}\n\n', "Too long", "upstream_error"),
        (b'data:{"error":"CUDA out of memory at 10.0.0.1","error_type":"generation"}\n\n', None, "upstream_error"),
        (b'data: {"error": {"message": "litellm.APIError: Traceback /opt/a.py", "code": "500"}}\n\n', None, None),
        (b"data: RuntimeError: Traceback (most recent call last)\n\n", None, "upstream_error"),
        (
            b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"host-1:8080"}}\n\n',
            None,
            None,
        ),
    ],
)
def test_errors_of_the_model_have_one_form(event: bytes, message: str | None, code: str | None, size: int) -> None:
    sent = passed(PLAIN[: PLAIN.index(b"data: [DONE]")] + event, size)
    last = sent.rstrip().split(b"\n")[-1]
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert error["request_id"] == "id"
    assert error["code"] == (code or "upstream_error")
    assert error["message"] == message or (message is None and error["message"].startswith("The model"))
    assert not [each for each in (b"10.0.0.1", b"/opt", b"Traceback", b"CUDA", b"host-1") if each in sent]


def test_the_error_of_a_failed_response_has_no_inner_text() -> None:
    data = {"type": "response.failed", "response": {"id": "r", "error": {"code": "x", "message": "at 10.0.0.1"}}}
    sent = passed(b"event: response.failed\ndata: " + json.dumps(data).encode() + b"\n\n", 50)
    found = json.loads(sent.partition(b"data: ")[2])
    assert found["response"]["id"] == "r"
    assert found["response"]["error"]["message"].startswith("The model")


@pytest.mark.parametrize(
    ("before", "begins"),
    [
        (chunk("a", chat=True), b'data: {"error":'),
        (chunk("a", chat=True) + b'data: {"half', b'data: {"error":'),
        (chunk("a", chat=True) + b"event: half\n", b'data: {"error":'),
        (NAMED, b'event: error\ndata: {"type":"error","error":'),
        (b"data: " + b"x" * 70_000, b'\n\ndata: {"error":'),
    ],
)
def test_an_interruption_is_an_event_of_its_own(before: bytes, begins: bytes) -> None:
    stream = EventStream("id")
    sent = stream.feed(before)
    last = stream.interruption(UpstreamInterruptedError())
    assert last.startswith(begins)
    assert last.endswith(b"}\n\n")
    assert not sent or sent.endswith((b"\n\n", b"x"))
    assert b"upstream_interrupted" in last
    assert b"upstream_timeout" in EventStream("id").interruption(UpstreamStalledError())


def test_only_streams_that_can_be_read_are_streams() -> None:
    assert is_event_stream([(b"content-type", b"text/event-stream; charset=utf-8")])
    assert not is_event_stream([(b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip")])
    assert not is_event_stream([(b"content-type", b"application/json")])
