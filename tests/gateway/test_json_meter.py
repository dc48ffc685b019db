"""What is counted in a JSON text, whatever it looks like and however it comes."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from lisa_gateway.json_fields import JsonFields
from lisa_gateway.json_meter import JsonMeter


def meter(text: bytes, part: int = 1 << 20, *, elements: int = 10**9, depth: int = 10**9) -> JsonMeter:
    found = JsonMeter(most_elements=elements, most_depth=depth)
    for start in range(0, len(text), part):
        found.feed(text[start : start + part])
    return found


def values(content: Any) -> int:
    """Elements as the limit means them: values but numbers in lists, of which five are one."""
    if isinstance(content, dict):
        return 1 + sum(values(value) for value in content.values())
    if isinstance(content, list):
        return 1 + sum(values(value) for value in content)
    return 1


def nesting(content: Any) -> int:
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else None
    return 0 if inner is None else 1 + max(map(nesting, inner), default=0)


HOSTILE = [
    "",
    '"',
    "\\",
    '\\"',
    "a\\\\",
    '[{"a": 1}]',
    ",,,,",
    "{{{{",
    "]]]]",
    "é漢😀",
    "\n\t",
    '\\\\\\"',
    "x" * 70_000,
]


def made(source: random.Random, depth: int = 0) -> Any:
    kind = source.randrange(6 if depth < 6 else 3)
    if kind < 2:
        return source.choice(HOSTILE)
    if kind == 2:
        return source.choice([None, True, False])
    if kind == 3:
        return {f"{source.choice(HOSTILE[:-1])}{n}": made(source, depth + 1) for n in range(source.randrange(5))}
    return [made(source, depth + 1) for _ in range(source.randrange(5))]


@pytest.mark.parametrize("seed", range(30))
def test_the_count_is_at_least_what_a_parser_finds(seed: int) -> None:
    source = random.Random(seed)
    content = {"messages": [made(source) for _ in range(8)]}
    text = json.dumps(content, ensure_ascii=source.random() < 0.5, indent=source.choice([None, 2])).encode()
    for part in (1, 3, 1000, 1 << 20) if len(text) < 50_000 else (1000, 1 << 20):
        found = meter(text, part)
        # A member's first element may be counted with its container.
        assert values(content) / 2 - 1 <= found.elements <= 2 * values(content)
        assert found.depth == nesting(content)


def test_figures() -> None:
    messages = {"messages": [{"role": "user", "content": "Hello, [you]"}] * 1000}
    assert 3000 <= meter(json.dumps(messages).encode()).elements <= 3002
    assert 2048 <= meter(json.dumps({"input": ["a"] * 2048}).encode()).elements <= 2050
    assert 200 <= meter(json.dumps({"input": [[1] * 1000]}).encode()).elements <= 203
    numbers = {f"k{n}": n for n in range(1000)}
    assert 1000 <= meter(json.dumps(numbers).encode()).elements <= 1002


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": "' + b"x" * 10_000_000 + b'"}',
        b'{"a": "' + b'\\"' * 5_000_000 + b'"}',
        b'{"a": "' + b"\\\\" * 5_000_000 + b'"}',
        b'{"a": ' + b'""' * 5_000_000 + b"}",
        b"{" + b" " * 10_000_000 + b"}",
        b"[" + b"]" * 10_000_000,
        b"x" + b"[" * 10_000_000,
    ],
    ids=["text", "quotes", "backslashes", "strings", "spaces", "brackets", "no JSON"],
)
def test_ten_megabytes_take_little_time_and_hold_few_elements(text: bytes) -> None:
    began = time.process_time()
    assert meter(text, 65536).elements <= 2
    assert time.process_time() - began < 3


@pytest.mark.parametrize("text", [b"[" * 10_000_000, b'["",' * 2_500_000, b'{"a":' * 2_000_000])
def test_counting_stops_above_the_limits(text: bytes) -> None:
    began = time.process_time()
    found = meter(text, elements=1000, depth=100)
    assert found.elements > 1000 or found.depth > 100
    assert time.process_time() - began < 0.5


LONG = "word " * 4000


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": LONG}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": LONG}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": LONG}}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": LONG}}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {"file_text": LONG}}]}]},
        {"system": LONG, "tools": [{"function": {"name": "f", "description": LONG}}]},
        {"input": LONG, "instructions": LONG},
        {"input": [LONG, [1, 2]]},
        {"prompt": [LONG], "suffix": LONG},
        {"query": LONG, "documents": [LONG, {"text": LONG}]},
    ],
)
def test_texts_for_a_model_may_be_long(body: dict[str, Any]) -> None:
    assert JsonFields(body, most_characters=16_000).long is None


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"model": LONG}, "model"),
        ({"timeout": LONG}, "timeout"),
        ({"response_format": LONG}, "response_format"),
        ({"response_format": {"type": LONG}}, "type"),
        ({"custom_llm_provider": LONG}, "custom_llm_provider"),
        ({"messages": LONG}, "messages"),
        ({"tools": LONG}, "tools"),
        ({"prompt": {"a": LONG}}, "a"),
        ({"messages": [{"role": "user", "content": [{"type": LONG}]}]}, "type"),
        ({"messages": [{"role": LONG}]}, "role"),
        ({"fallbacks": ["a", LONG]}, "fallbacks"),
        ({LONG: 1}, LONG[:40]),
        ({"metadata": {LONG: 1}}, LONG[:40]),
    ],
)
def test_parameters_may_not_be_long(body: dict[str, Any], name: str) -> None:
    assert JsonFields(body, most_characters=16_000).long == name


def test_bytes_of_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "x" * 5000}}
    body = {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "é" * 100}, image]}]}
    assert 200 < JsonFields(body, most_characters=16_000).text_bytes < 320
