"""A connection to a server: aiohttp's, which parses answers, and when it may be used again.

What comes on a connection after the end of an answer would be taken for the answer to the next request; aiohttp notices
only some of it. A connection is therefore used again only when the bytes that came are exactly those of the answer that
was awaited. See docs/decisions/0025-upstream-connections.md.
"""

from __future__ import annotations

import asyncio
import math
import re

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage, StreamWriter
from multidict import CIMultiDict

from lisa_gateway.errors import InvalidRequestError
from lisa_gateway.silence import Silence

_HEAD_END = b"\r\n\r\n"
_FINAL_WITH_BODY = re.compile(rb"HTTP/1\.1 (?!204|304)[2-5][0-9]{2}[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_CODED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
# Limits on the head of an answer. A provider's headers come through LiteLLM with a prefix, so that there may be many.
_MAX_LINE_BYTES = 16 * 1024
_MAX_HEADERS = 256
_READ_BYTES = 64 * 1024
_INTERIM = range(100, 200)
_SWITCHING_PROTOCOLS = 101


class Connection(ResponseHandler):
    """aiohttp's connection, which also counts what comes, and ends an answer whose framing is wrong.

    Attributes:
        idle_since: when its last exchange ended, in seconds of the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.idle_since = 0.0
        self._event_loop = loop
        self._reader: aiohttp.StreamReader | None = None
        self._received = 0
        self._expected = 0
        self._head_until = math.inf
        self._silence = Silence(loop, self._end_silence)
        self._most_silent = math.inf
        self._is_paused = False

    def begin(self, method: str, read_timeout: float) -> StreamWriter:
        """Begin an exchange; the request goes into the writer.

        Args:
            method: HTTP method of the request.
            read_timeout: seconds of silence after which the answer is given up.
        """
        self._head_until = math.inf
        self._most_silent = read_timeout
        self._reader = None
        self._received = 0
        # Until a head has come, so that a request that is given up before leaves its connection to no other.
        self._expected = -1
        self.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=_READ_BYTES,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
            max_headers=_MAX_HEADERS,
        )
        return StreamWriter(self, self._event_loop)

    def is_sent(self) -> None:
        """The request has been written: the head of the answer has to come within the time for silence."""
        self._head_until = self._event_loop.time() + self._most_silent
        self.start_timeout()

    def limit_silence(self, seconds: float) -> None:
        """From now on, give the answer up after so many seconds of silence."""
        self._most_silent = seconds
        self.start_timeout()

    def start_timeout(self) -> None:
        """See `aiohttp.client_proto.ResponseHandler`; silence is counted from now on."""
        if math.isfinite(self._most_silent):
            self._silence.watch(self._most_silent)

    def end(self) -> None:
        """The exchange has ended: silence is what is expected now."""
        self._silence.stop()

    def pause_reading(self) -> None:
        """See `aiohttp.client_proto.ResponseHandler`; while nothing is read, the server is not taken for silent."""
        super().pause_reading()
        self._is_paused = True
        self._silence.stop()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """See `aiohttp.client_proto.ResponseHandler`, which calls it after each part that is read."""
        if self._is_paused:
            # Before the parser goes on, which may pause again.
            self._is_paused = False
            super().resume_reading(resume_parser)
            if not self._is_paused:
                self.start_timeout()

    def connection_lost(self, exc: BaseException | None) -> None:
        """See `asyncio.Protocol`."""
        self._silence.stop()
        super().connection_lost(exc)

    async def head(self) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """The head of the answer, and what its body comes from; interim answers are passed over.

        Raises:
            aiohttp.ClientError: the connection ended, or stayed silent.
            aiohttp.http.HttpProcessingError: what came is not HTTP.
        """
        while True:
            message, reader = await self.read()
            if message.code not in _INTERIM or message.code == _SWITCHING_PROTOCOLS:
                self._reader = reader
                return message, reader

    @property
    def has_received(self) -> bool:
        """Whether a byte has come since the exchange began."""
        return self._received > 0

    @property
    def is_reusable(self) -> bool:
        """Whether exactly one answer of a declared length has come, and nothing is left to go.

        It is false for what cannot be judged by its length: chunks, interim answers, answers to HEAD, a head in several
        parts.
        """
        transport = self.transport
        return (
            transport is not None
            and not transport.is_closing()
            and self._received == self._expected
            and not self.should_close
            and transport.get_write_buffer_size() == 0
        )

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._received:
            self._expected = _declared_size(data)
        self._received += len(data)
        now = self._silence.heard = self._event_loop.time()
        super().data_received(data)
        if self._reader is None and now > self._head_until:
            # aiohttp's limit is on silence, so that a head that drips would pass it, or interim answers.
            self.set_exception(aiohttp.SocketTimeoutError("The headers of the response did not arrive in time."))
        # aiohttp itself would let the reader wait for ever for what follows an error.
        if self._reader is not None and (error := self.exception()) is not None:
            self._reader.set_exception(
                aiohttp.ClientPayloadError("The framing of the response body is not valid."), error
            )

    def _end_silence(self) -> None:
        error = aiohttp.SocketTimeoutError("The server was silent for too long.")
        self.set_exception(error)
        if self._reader is not None:
            self._reader.set_exception(error)


async def write_head(writer: StreamWriter, request_line: str, headers: list[tuple[bytes, bytes]]) -> None:
    """Write the head of a request; it is sent with the first part of the body.

    Args:
        writer: as `Connection.begin` makes it.
        request_line: method, target and version.
        headers: headers, with those of the body's framing; all are sent as they are.

    Raises:
        InvalidRequestError: a header is not UTF-8, or has a control character.
    """
    try:
        named = CIMultiDict([(name.decode(), value.decode()) for name, value in headers])
        await writer.write_headers(request_line, named)
    except ValueError as error:
        raise InvalidRequestError("The headers must be encoded as UTF-8, without control characters.") from error
    for name, value in headers:
        if name == b"transfer-encoding":
            writer.enable_chunking()
        elif name == b"content-length":
            writer.length = int(value)


async def write_body(writer: StreamWriter, body: bytes | None) -> None:
    """Write a body that is whole, without waiting until it is sent: the answer may come before.

    Raises:
        aiohttp.ClientError: the connection has ended.
    """
    if body:
        await writer.write(body, drain=False)
    else:
        writer.set_eof()


def _declared_size(start: bytes) -> int:
    """Bytes of the answer that begins so, -1 where its head does not tell."""
    end = start.find(_HEAD_END)
    if end < 0:
        return -1
    head = start[: end + 2]
    lengths = _LENGTH.findall(head)
    if len(lengths) != 1 or not _FINAL_WITH_BODY.match(head) or _CODED.search(head):
        return -1
    return end + len(_HEAD_END) + int(lengths[0])
