"""One HTTP/1.1 connection to LiteLLM, without more between the socket and the caller than the parser.

What the gateway needs of a client is little: a request at a time, parts of its answer as they come, and to know when
LiteLLM is silent or gone. httptools, which uvicorn uses too, parses. See docs/decisions/0009-gateways-hot-path.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import cast

import httptools

from lisa_gateway.errors import BrokenAnswerError, UpstreamDownError, UpstreamTimeoutError

Body = bytes | AsyncIterator[bytes] | None
Headers = list[tuple[bytes, bytes]]

_HELD_BYTES = 256 * 1024
"""How much of an answer waits for a slow caller before LiteLLM has to wait too."""

_FIRST_FINAL_STATUS = 200
_WITHOUT_BODY = frozenset({204, 304})


class Connection(asyncio.Protocol):
    """Takes a request, and gives its answer.

    Args:
        silence: seconds that may pass until the first byte of the answer, and between two parts of it.
        release: called when the connection can take another request.

    Attributes:
        status: of the answer, once `ask` has returned.
        headers: of the answer, as they came.
        is_open: whether it can be written to.
        is_fresh: whether no byte of an answer to the current request has come.
        released_at: `loop.time()` when it became idle.
    """

    def __init__(self, silence: float, release: Callable[[Connection], None]) -> None:
        self.status = 0
        self.headers: Headers = []
        self.is_open = False
        self.is_fresh = True
        self.released_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._silence = silence
        self._release = release
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._writer: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_head = False
        self._has_head = False
        self._is_complete = True
        self._may_stay = False
        self._is_paused = False
        self._parts: list[bytes] = []
        self._held = 0
        self._failure: Exception | None = None

    async def ask(self, head: bytes, body: Body, *, is_head: bool) -> None:
        """Send a request, and wait for the head of its answer; `close` has to follow, whatever comes of it.

        Args:
            head: request line and headers, with the empty line.
            body: whole, or in parts that are sent as chunks unless the head has their length.
            is_head: whether the method is HEAD, whose answer has no body whatever its headers say.

        Raises:
            UpstreamDownError: the connection ended, or what came is not HTTP.
            UpstreamTimeoutError: nothing came in time.
        """
        self.status, self.headers, self.is_fresh = 0, [], True
        self._is_head, self._has_head, self._is_complete, self._may_stay = is_head, False, False, False
        self._failure = None
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(self._silence, self._listen)
        if not self.is_open:
            self._fail(UpstreamDownError("The model proxy cannot be reached."))
        elif body is None or isinstance(body, bytes):
            self._transport.write(head + body if body else head)
        else:
            self._writer = self._loop.create_task(self._write_parts(head, body))
        while not self._has_head:
            if self._failure is not None:
                raise self._failure
            await self._wait()

    async def next_part(self) -> bytes:
        """What has come of the body since the last call, at least a byte; nothing at its end.

        Raises:
            BrokenAnswerError: LiteLLM broke the answer off, or is silent.
        """
        while not self._parts:
            if self._is_complete:
                return b""
            if self._failure is not None:
                raise BrokenAnswerError from self._failure
            await self._wait()
        part = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        if self._is_paused:
            self._is_paused = False
            self._heard_at = self._loop.time()
            self._transport.resume_reading()
        return part

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left to come and to be taken."""
        return self._is_complete and not self._parts

    def close(self) -> None:
        """End the exchange: keep the connection if the answer came whole, break it otherwise, which LiteLLM notices."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        is_written = self._writer is None or self._writer.done()
        if self._writer is not None:
            self._writer.cancel()
            self._writer = None
        self._parts.clear()
        self._held = 0
        if self.is_open and self._is_complete and self._may_stay and is_written and not self._is_paused:
            self.released_at = self._loop.time()
            self._release(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Break the connection."""
        if self.is_open:
            self.is_open = False
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._heard_at = self._loop.time()
        if self._is_complete:
            # Nobody asked: what comes cannot be told from the answer to the next request.
            self._may_stay = False
            self.abort()
            return
        self.is_fresh = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(UpstreamDownError("The model proxy does not speak HTTP."))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.is_open = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(ConnectionResetError())
        if self._is_complete:
            return
        if exc is None and self._has_head and self._ends_with_connection():
            self._complete()
        else:
            self._fail(UpstreamDownError("The model proxy cannot be reached."))

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def on_message_begin(self) -> None:
        """See httptools."""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """See httptools."""
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            return
        self.status = status
        self._has_head = True
        if self._is_head or status in _WITHOUT_BODY:
            # The parser waits for the body that the headers speak of, so that the connection cannot stay.
            self._complete()
        else:
            self._wake()

    def on_body(self, part: bytes) -> None:
        """See httptools."""
        if self._is_complete:
            return
        self._parts.append(part)
        self._held += len(part)
        if self._held > _HELD_BYTES and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """See httptools."""
        if self._has_head and not self._is_complete:
            self._may_stay = self._parser.should_keep_alive()
            self._complete()

    def _ends_with_connection(self) -> bool:
        return not any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self.headers)

    def _complete(self) -> None:
        self._is_complete = True
        self._wake()

    def _fail(self, failure: Exception) -> None:
        if self._failure is None:
            self._failure = failure
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _listen(self) -> None:
        """Look whether LiteLLM is silent; one timer that looks again costs less than one for each part."""
        left = self._silence - (self._loop.time() - self._heard_at)
        if left <= 0 and not self._is_paused:
            self._fail(UpstreamTimeoutError("The model proxy did not answer in time."))
            self.abort()
            return
        self._timer = self._loop.call_later(left if left > 0 else self._silence, self._listen)

    async def _write_parts(self, head: bytes, body: AsyncIterator[bytes]) -> None:
        is_chunked = b"\r\ntransfer-encoding: chunked\r\n" in head.lower()
        self._transport.write(head)
        with suppress(ConnectionResetError):
            async for part in body:
                self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
                self._heard_at = self._loop.time()
                if self._writable is not None:
                    await self._writable
            if is_chunked:
                self._transport.write(b"0\r\n\r\n")
