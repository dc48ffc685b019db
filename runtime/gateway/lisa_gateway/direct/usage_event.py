"""The event with the token counts of a stream, which a caller that did not ask for it does not get."""

from __future__ import annotations

import re

import orjson

_MOST_HELD = 64 * 1024
"""Bytes of an event that is not complete; a longer one is no event with token counts, and goes on as it comes."""

_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_DATA = b"data:"


class UsageEventFilter:
    """Takes the event out of a stream that has `usage` and nothing in its `choices`; all else stays as it is.

    An event is held until its end has come, which servers send at once with its begin.
    """

    __slots__ = ("_held", "_passes")

    def __init__(self) -> None:
        self._held = b""
        self._passes = False  # Whether what is held up to the next end belongs to an event that has begun to go on.

    def feed(self, part: bytes) -> bytes:
        """What of the stream goes on after its next part."""
        text = self._held + part
        kept: list[bytes] = []
        begin = 0
        for end in _EVENT_END.finditer(text):
            event = text[begin : end.end()]
            if self._passes or not is_usage_event(event):
                kept.append(event)
            self._passes = False
            begin = end.end()
        rest = text[begin:]
        if self._passes or len(rest) > _MOST_HELD:
            # The last bytes could be the first half of an end.
            kept.append(rest[:-3])
            rest = rest[-3:]
            self._passes = True
        self._held = rest
        return b"".join(kept)

    def finish(self) -> bytes:
        """What is held at the end of the stream: the begin of an event, whose end did not come."""
        held, self._held = self._held, b""
        return held


def is_usage_event(event: bytes) -> bool:
    """Whether an event of a stream has nothing but token counts."""
    if b'"usage"' not in event or b'"choices"' not in event:
        return False
    data = [line[len(_DATA) :].strip() for line in event.splitlines() if line.startswith(_DATA)]
    try:
        content = orjson.loads(b"\n".join(data))
    except orjson.JSONDecodeError:
        return False
    if not isinstance(content, dict) or not isinstance(content.get("usage"), dict):
        return False
    choices = content.get("choices")
    return isinstance(choices, list) and all(_is_empty(choice) for choice in choices)


def _is_empty(choice: object) -> bool:
    """Whether a choice says nothing: LiteLLM writes one into the event, OpenAI and the servers write none."""
    if not isinstance(choice, dict):
        return False
    return all(name == "index" or not value or (name == "delta" and _is_blank(value)) for name, value in choice.items())


def _is_blank(delta: object) -> bool:
    return isinstance(delta, dict) and not any(delta.values())
