"""Bodies and streams of the direct path: only what must change does."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import orjson
import pytest

from lisa_gateway.direct.body import check_body, read_object, with_model, with_usage
from lisa_gateway.direct.members import members
from lisa_gateway.direct.usage_event import UsageEventFilter, is_usage_event
from lisa_gateway.errors import UnsupportedParameterError

WEIRD = rb"""{ "a\"}" : "x\\", "model"
:	"hosted" ,"nested":{"model":[1,{"model":"no"}],"s":"}]\"{"},"list":[],"n":-1.5e3 , "empty":{}, "last":null }"""


def test_members_are_found_where_a_parser_finds_them() -> None:
    found = list(members(WEIRD))
    parsed = json.loads(WEIRD)
    assert [member.name for member in found] == list(parsed)
    assert [json.loads(WEIRD[member.begin : member.end]) for member in found] == list(parsed.values())
    assert list(members(b" {} ")) == []


def _value(source: random.Random, depth: int = 0) -> Any:
    kinds = ["text", "number", "null"] + (["object", "list"] if depth < 3 else [])
    match source.choice(kinds):
        case "text":
            return "".join(source.choice('ab"\\{}[],:\n\u00e9\U0001f600model') for _ in range(source.randrange(8)))
        case "number":
            return source.choice([0, -1, 1.5, 10**12])
        case "object":
            return {str(_value(source, 3)): _value(source, depth + 1) for _ in range(source.randrange(4))}
        case "list":
            return [_value(source, depth + 1) for _ in range(source.randrange(4))]
    return None


@pytest.mark.parametrize("seed", range(3))
def test_a_new_model_and_the_request_for_usage_change_nothing_else(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(300):
        content = {str(_value(source, 3)): _value(source) for _ in range(source.randrange(5))}
        content |= {"model": "hosted", "stream": True}
        if options := source.choice([None, {}, {"include_usage": False}, {"x": 1, "continuous_usage_stats": True}]):
            content["stream_options"] = options
        names = list(content)
        source.shuffle(names)
        content = {name: content[name] for name in names}
        text = json.dumps(content, ensure_ascii=source.random() < 0.5, indent=source.choice([None, 1])).encode()
        renamed = with_model(text, 'other "name"')
        assert orjson.loads(renamed) == {**content, "model": 'other "name"'}
        assert list(orjson.loads(renamed)) == names
        asked = with_usage(text, content)
        assert asked is not None
        expected = {"x": 1, "include_usage": True} if options and "x" in options else {"include_usage": True}
        assert orjson.loads(asked) == {**content, "stream_options": expected}
        assert abs(len(asked) - len(text)) < 60


@pytest.mark.parametrize(
    "body",
    [
        {"stream": False},
        {},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"stream": True, "stream_options": "odd"},
    ],
)
def test_usage_is_asked_for_only_where_it_is_missing(body: dict[str, Any]) -> None:
    content = {"model": "hosted", **body}
    assert with_usage(orjson.dumps(content), content) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1,}',
        b'{"a": 01}',
        b"{'a': 1}",
        b'{"a": 1} {}',
        b"{" * 2000,
        b"",
    ],
)
def test_what_parsers_read_differently_is_not_read(body: bytes) -> None:
    assert read_object(body) is None


@pytest.mark.parametrize("name", ["model", "messages", "prompt", "input", "stream", "stream_options"])
def test_a_member_that_the_gateway_decides_by_comes_once(name: str) -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in name)
    for first, second in ((name, name), (name, escaped), (escaped, escaped)):
        body = f'{{"model_x":"{name}","{first}":"a","{second}":"b"}}'.encode()
        content = read_object(body)
        assert content is not None
        with pytest.raises(UnsupportedParameterError, match="once"):
            check_body(body, content)
    for other in (name.upper(), name.title(), f" {name}", f"{name}\t"):
        body = json.dumps({name: "a", other: "b"}).encode()
        with pytest.raises(UnsupportedParameterError, match="Write the field"):
            check_body(body, json.loads(body))
    # The name as a value, and within other members, is no second one.
    body = json.dumps({name: "a", "x": [name, {name: name}], "y": f'"{name}"'}).encode()
    check_body(body, json.loads(body))


# As the servers send them: vLLM 0.32 (tests/weights runs it), TGI 3.3 and SGLang 0.5 from their sources.
VLLM = (
    'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
    '{"content":"a \\"usage\\": \\"choices\\":[]"},"logprobs":null,"finish_reason":null}]}\n\n',
    'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":'
    '{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}}\n\n',
    "data: [DONE]\n\n",
)
TGI = (
    'data: {"object":"chat.completion.chunk","id":"","created":1,"model":"m","system_fingerprint":"3.3.6-sha-1",'
    '"choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"logprobs":null,"finish_reason":null}],'
    '"usage":null}\n\n',
    'data: {"object":"chat.completion.chunk","id":"","created":1,"model":"m","system_fingerprint":"3.3.6-sha-1",'
    '"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n\n',
    "data: [DONE]\n\n",
)
CRLF = tuple(event.replace("\n", "\r\n") for event in (": ping\n\n", *VLLM))
LONG = (f'data: {{"choices":[{{"delta":{{"content":"{"x" * 200_000}"}}}}],"usage":{{}}}}\n\n', *VLLM)


@pytest.mark.parametrize("events", [VLLM, TGI, CRLF, LONG])
def test_the_event_with_token_counts_is_taken_out_wherever_the_stream_is_cut(events: tuple[str, ...]) -> None:
    stream = "".join(events).encode()
    expected = "".join(event for event in events if not is_usage_event(event.encode())).encode()
    assert 0 < len(stream) - len(expected) < 300
    source = random.Random(len(stream))
    for pieces in (0, 1, 2, 5, 50):
        cuts = sorted({0, len(stream), *(source.randrange(len(stream)) for _ in range(pieces))})
        hidden = UsageEventFilter()
        got = b"".join(hidden.feed(stream[begin:end]) for begin, end in pairwise(cuts)) + hidden.finish()
        assert got == expected


def test_a_stream_that_breaks_off_keeps_what_came() -> None:
    hidden = UsageEventFilter()
    assert hidden.feed(VLLM[0].encode() + b'data: {"err') == VLLM[0].encode()
    assert hidden.finish() == b'data: {"err'
