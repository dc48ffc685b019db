"""Tokens of a request and its answer that do not report them: an estimate, which is marked as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BYTES_PER_TOKEN = 4
"""Bytes of text in a token: what models average over English text (OpenAI, "What are tokens and how to count them")."""


def estimated_prompt(length: int) -> int:
    """Tokens of a prompt whose request has this many bytes."""
    return -(-length // BYTES_PER_TOKEN)


class AnswerEstimate:
    """Estimates the tokens of an answer while it passes: its events, of which servers send one a token; else its bytes.

    Args:
        headers: the answer's headers.
    """

    __slots__ = ("_bytes", "_events", "_is_stream")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._is_stream = any(
            name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers
        )
        self._bytes = 0
        self._events = 0

    def feed(self, part: bytes) -> None:
        """Take the next part of the body."""
        self._bytes += len(part)
        if self._is_stream:
            self._events += part.count(b"data:")

    def tokens(self) -> int:
        """The estimate."""
        return self._events if self._is_stream else -(-self._bytes // BYTES_PER_TOKEN)
