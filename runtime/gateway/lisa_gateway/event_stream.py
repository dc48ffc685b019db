"""Server-sent events on their way to the caller: whole events, with the errors among them as callers may read them.

An event that has not come to its end is held, so that a stream that breaks can end with an error event of its own:
OpenAI's clients raise that, where a broken transfer encoding is an exception of their HTTP library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from lisa_gateway.errors import UpstreamInterruptedError
from lisa_gateway.upstream_errors import event_error, server_failure, typed, without_inner_text

_MOST_HELD_BYTES = 64 * 1024
"""Bytes of an unfinished event that are held. A longer one, such as an image, passes as it comes."""

_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")
_TYPE = b"text/event-stream"
_MARK = b"rror"
_FAILURE = re.compile(rb"Traceback|Exception|Error\b")


def is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether an answer is a stream of events that is not compressed; names of headers are in lower case."""
    named = dict(headers)
    return named.get(b"content-type", b"").lstrip().lower().startswith(_TYPE) and named.get(
        b"content-encoding", b"identity"
    ) in (b"identity", b"")


class EventStream:
    """The events of one answer.

    Args:
        request_id: id of the request, for errors.
    """

    __slots__ = ("_held", "_is_long", "_is_named", "_request_id")

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._held = b""
        self._is_long = False
        self._is_named = False

    def feed(self, part: bytes) -> bytes:
        """What may be sent on now that a part has come."""
        if not self._held and not self._is_long and part.endswith(b"\n\n") and _MARK not in part:
            # Nearly every part: complete events, none of which is an error.
            self._is_named = self._is_named or part.startswith(b"event:")
            return part
        content = self._held + part
        end = max(content.rfind(mark) + len(mark) if mark in content else 0 for mark in _ENDS)
        complete, self._held = content[:end], content[end:]
        if self._is_long and complete:
            # The end of an event whose beginning has been sent.
            self._is_long = False
            first = min(content.find(mark) + len(mark) for mark in _ENDS if mark in content)
            sent = complete[:first] + self._checked(complete[first:])
        elif self._is_long:
            sent, self._held = self._held, b""
        else:
            sent = self._checked(complete)
        if len(self._held) > _MOST_HELD_BYTES:
            self._is_long = True
            sent, self._held = sent + self._held, b""
        return sent

    def end(self) -> bytes:
        """What is left when the answer ends as it should."""
        held, self._held = self._held, b""
        return self._checked(held)

    def interruption(self, error: UpstreamInterruptedError) -> bytes:
        """The event that ends a stream whose answer broke; an unfinished event is dropped."""
        self._held = b""
        before = b"\n\n" if self._is_long else b""
        return before + self._event(error.body(self._request_id))

    def _checked(self, events: bytes) -> bytes:
        """Complete events, errors among them replaced."""
        if not events:
            return events
        self._is_named = self._is_named or events.startswith(b"event:")
        if _MARK not in events:
            return events
        lines = events.splitlines(keepends=True)
        return b"".join(self._checked_line(line) if _MARK in line else line for line in lines)

    def _checked_line(self, line: bytes) -> bytes:
        if not line.startswith(b"data:"):
            return line
        text = line[len(b"data:") :]
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            # No client can read it. What a server prints instead of JSON is its failure.
            return self._data(server_failure().body(self._request_id), line) if _FAILURE.search(text) else line
        if not isinstance(data, dict):
            return line
        error = event_error(data)
        if error is not None:
            return self._data(error.body(self._request_id), line, named="type" in data)
        return b"data: " + json.dumps(data).encode() + _ending(line) if without_inner_text(data) else line

    def _data(self, body: bytes, line: bytes, *, named: bool = False) -> bytes:
        return b"data: " + (typed(body) if named or self._is_named else body) + _ending(line)

    def _event(self, body: bytes) -> bytes:
        if self._is_named:
            return b"event: error\ndata: " + typed(body) + b"\n\n"
        return b"data: " + body + b"\n\n"


def _ending(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :]
