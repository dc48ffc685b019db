"""The record of the content of one request, while it runs: encrypted and written part by part."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from lisa_gateway import logs
from lisa_gateway.audit.content_lines import Kind, sealed_line
from lisa_gateway.errors import UnavailableError, UpstreamInterruptedError

if TYPE_CHECKING:
    from lisa_gateway.audit.data_keys import DataKey
    from lisa_gateway.request_context import RequestContext

LINE_BYTES: Final = 64 * 1024
"""Most bytes of content in a line, and most that a recording holds in memory of a request or of a response."""

_LINES_A_TURN: Final = 4
"""Lines of a body that are written before other requests have their turn."""


class ContentUnavailableError(UnavailableError):
    """The content of a request cannot be recorded, and must be."""

    code = "audit_unavailable"

    def __init__(self) -> None:
        super().__init__()


class ContentInterruptedError(UpstreamInterruptedError):
    """The content of a response cannot be recorded any more, and must be."""

    code = "audit_unavailable"


class Recording:
    """Records one request and its response. End it, whatever comes of it.

    Args:
        context: the request; gets what became of the record.
        key: the data key of its lines.
        write: writes a line; it raises OSError if it does not.
        part_bytes: bytes of the request's body that are recorded at most, and of the response's.
        is_required: whether the request must not go on without a record.
        on_end: called with this recording when it has ended.
        on_loss: called once if something of it is lost.
    """

    __slots__ = (
        *("_buffers", "_bytes", "_context", "_is_complete", "_is_ended", "_key", "_lines", "_on_end", "_on_loss"),
        *("_part_bytes", "_record", "_recorded", "_write", "has_failed", "is_required"),
    )

    def __init__(
        self,
        context: RequestContext,
        key: DataKey,
        write: Callable[[bytes], None],
        *,
        part_bytes: int,
        is_required: bool,
        on_end: Callable[[Recording], None],
        on_loss: Callable[[OSError], None],
    ) -> None:
        self._context = context
        self._key = key
        self._write = write
        self._part_bytes = part_bytes
        self._on_end = on_end
        self._on_loss = on_loss
        self._record = uuid.uuid4().hex
        self._lines = 0
        self._buffers = {Kind.REQUEST: bytearray(), Kind.RESPONSE: bytearray()}
        self._bytes = {Kind.REQUEST: 0, Kind.RESPONSE: 0}
        self._recorded = {Kind.REQUEST: 0, Kind.RESPONSE: 0}
        self._is_complete = False
        self._is_ended = False
        self.is_required = is_required
        self.has_failed = False

    def begin(self) -> None:
        """Write who asks for what.

        Raises:
            ContentUnavailableError: it is not written, and must be.
        """
        context, caller = self._context, self._context.caller
        about: dict[str, Any] = {"requestId": context.request_id, "route": context.route, "model": context.model}
        if caller is not None:
            shown = {"kind": caller.kind, "id": caller.token_id or caller.name, "owner": caller.owner}
            about["caller"] = {name: value for name, value in shown.items() if value}
            about["groups"] = list(caller.groups)
        context.audited_content = "recorded"
        self._put(Kind.BEGIN, about=about)

    async def add_request(self, body: bytes) -> None:
        """Record the whole body of the request; other requests have their turn in between.

        Raises:
            ContentUnavailableError: it is not written, and must be.
        """
        for number, start in enumerate(range(0, len(body), LINE_BYTES), 1):
            self._add(Kind.REQUEST, body[start : start + LINE_BYTES])
            if number % _LINES_A_TURN == 0:
                await asyncio.sleep(0)
        self._flush(Kind.REQUEST)

    async def add_parts(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The parts of a body, each recorded before it goes on.

        Raises:
            OSError: a part is not written, and must be; nothing more goes on.
        """
        async for part in parts:
            try:
                self._add(Kind.REQUEST, part)
            except ContentUnavailableError as error:
                # What sends the parts reports errors of the connection alone; `check` tells the cause.
                raise OSError("the content cannot be recorded") from error
            yield part
        self._flush(Kind.REQUEST)

    def add_response(self, part: bytes) -> None:
        """Record a part of the response's body, before the caller gets it.

        Raises:
            ContentInterruptedError: it is not written, and must be.
        """
        try:
            self._add(Kind.RESPONSE, part)
        except ContentUnavailableError as error:
            raise ContentInterruptedError from error

    def end_response(self) -> None:
        """Note that the response is complete."""
        self._is_complete = True

    def check(self) -> None:
        """Check that the request may go on.

        Raises:
            ContentUnavailableError: something is lost, and must not be.
        """
        if self.has_failed and self.is_required:
            raise ContentUnavailableError

    def flush(self) -> None:
        """Write what is in memory, so that it is not lost with the worker."""
        for kind in self._buffers:
            with suppress(ContentUnavailableError):  # The next part of the response is not sent.
                self._flush(kind)

    def end(self) -> None:
        """Write what is left, and how it ended; calls after the first do nothing."""
        if self._is_ended:
            return
        self._is_ended = True
        self.flush()
        about = {
            "response": "complete" if self._is_complete else "interrupted" if self._bytes[Kind.RESPONSE] else "none",
            "requestBytes": self._bytes[Kind.REQUEST],
            "responseBytes": self._bytes[Kind.RESPONSE],
        }
        with suppress(ContentUnavailableError):  # The record shows that it has no end.
            self._put(Kind.END, about=about)
        self._on_end(self)

    def _add(self, kind: Kind, part: bytes) -> None:
        self._bytes[kind] += len(part)
        room = self._part_bytes - self._recorded[kind]
        if len(part) > room:
            part = part[:room]
        self._recorded[kind] += len(part)
        buffer = self._buffers[kind]
        while part:
            room = LINE_BYTES - len(buffer)
            buffer += part[:room]
            part = part[room:]
            if len(buffer) == LINE_BYTES:
                self._flush(kind)
        self.check()

    def _flush(self, kind: Kind) -> None:
        buffer = self._buffers[kind]
        if buffer:
            self._put(kind, buffer)
            buffer.clear()

    def _put(self, kind: Kind, content: bytes | bytearray = b"", *, about: dict[str, Any] | None = None) -> None:
        if self.has_failed:
            return
        members: dict[str, Any] = {"record": self._record, "n": self._lines, "kind": kind, "time": _now()}
        if about is not None:
            members["about"] = about
        try:
            self._write(sealed_line(self._key, members, content))
        except OSError as error:
            self.has_failed = True
            self._context.audited_content = "incomplete" if self._lines else "missing"
            self._on_loss(error)
            self.check()
            return
        self._lines += 1
        self._key.lines += 1


def _now() -> str:
    return logs.timestamp(time.time())
