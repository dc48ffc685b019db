"""How many tokens an answer says that it took, without taking the answer apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_TAIL_BYTES = 4096
# A quote within a text is escaped, so that `"usage":` between a comma or brace and a brace is the member itself.
_USAGE = re.compile(rb'[{,]\s*"usage"\s*:\s*\{')
_PROMPT = re.compile(rb'"(?:prompt|input)_tokens"\s*:\s*(\d{1,12})')
_COMPLETION = re.compile(rb'"(?:completion|output)_tokens"\s*:\s*(\d{1,12})')
_TYPES = (b"application/json", b"text/event-stream")


class UsageReader:
    """Keeps the end of an answer, where OpenAI's `usage` is, of streams too.

    Anthropic's streams report the prompt in their first event, and the answer in the last but one.
    """

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        named = {name.lower(): value for name, value in headers}
        kind = named.get(b"content-type", b"")
        self._reads = kind.startswith(_TYPES) and named.get(b"content-encoding", b"identity") == b"identity"
        self._head = b""
        self._has_head = False
        self._tail = b""

    def feed(self, part: bytes) -> None:
        """Take the next part of the body."""
        if self._reads:
            if not self._has_head:
                self._head = (self._head + part)[:_TAIL_BYTES]
                self._has_head = b"\n\n" in self._head or len(self._head) == _TAIL_BYTES
            self._tail = part[-_TAIL_BYTES:] if len(part) >= _TAIL_BYTES else (self._tail + part)[-_TAIL_BYTES:]

    def tokens(self) -> tuple[int, int]:
        """Tokens of the prompt and of the answer; zero where the answer does not say."""
        prompt, completion = _counts(self._tail)
        if completion is not None and prompt is None:
            prompt, _ = _counts(self._head)
        return prompt or 0, completion or 0


def _counts(text: bytes) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of the answer in the last `usage` of a text; None for what it does not have."""
    last = None
    for last in _USAGE.finditer(text):  # noqa: B007 - the last match is what counts
        pass
    if last is None:
        return None, None
    usage = text[last.end() :]
    prompt, completion = _PROMPT.search(usage), _COMPLETION.search(usage)
    return int(prompt[1]) if prompt else None, int(completion[1]) if completion else None
