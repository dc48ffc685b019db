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
    """Keeps the end of an answer, where OpenAI's `usage` is, of streams too."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        named = {name.lower(): value for name, value in headers}
        kind = named.get(b"content-type", b"")
        self._reads = kind.startswith(_TYPES) and named.get(b"content-encoding", b"identity") == b"identity"
        self._tail = b""

    def feed(self, part: bytes) -> None:
        """Take the next part of the body."""
        if self._reads:
            self._tail = part[-_TAIL_BYTES:] if len(part) >= _TAIL_BYTES else (self._tail + part)[-_TAIL_BYTES:]

    def tokens(self) -> tuple[int, int]:
        """Tokens of the prompt and of the answer; zero where the answer does not say."""
        last = None
        for last in _USAGE.finditer(self._tail):  # noqa: B007 - the last match is what counts
            pass
        if last is None:
            return 0, 0
        usage = self._tail[last.end() :]
        prompt, completion = _PROMPT.search(usage), _COMPLETION.search(usage)
        return int(prompt[1]) if prompt else 0, int(completion[1]) if completion else 0
