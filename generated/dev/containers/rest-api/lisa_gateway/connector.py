"""Connections to LiteLLM, and when one may be used again.

What comes on a connection after the end of an answer would be taken for the answer to the next request; aiohttp notices
only some of it. A connection is therefore used again only for the same caller, and only when the bytes that came are
exactly those of the answer that was awaited. See docs/decisions/0025-upstream-connections.md.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from aiohttp.client import ClientTimeout
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_PORTS = {False: 80, True: 443}
_HEAD_END = b"\r\n\r\n"
_FINAL_WITH_BODY = re.compile(rb"HTTP/1\.1 (?!204|304)[2-5][0-9]{2}[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_CODED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)


class CountedConnection(ResponseHandler):
    """aiohttp's connection, which also counts what comes, and ends an answer whose framing is wrong.

    Attributes:
        reader: of the body that is being received; aiohttp itself would let it wait for ever for what follows an error.
        is_at_boundary: whether exactly one answer of a declared length has come since `begin`. It stays false for what
            cannot be judged by its length: chunks, interim answers, answers to HEAD, a head in several parts.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.reader: aiohttp.StreamReader | None = None
        self._received = 0
        self._expected = 0

    def begin(self) -> None:
        """Count from here: a request is about to be sent."""
        self.reader = None
        self._received = 0
        self._expected = 0

    @property
    def is_at_boundary(self) -> bool:
        """See the class."""
        return self._received == self._expected

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._received:
            self._expected = _declared_size(data)
        self._received += len(data)
        super().data_received(data)
        if self.reader is not None and (error := self.exception()) is not None:
            self.reader.set_exception(aiohttp.ClientPayloadError("The framing of the body is not valid."), error)


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


class Connector(aiohttp.BaseConnector):
    """Opens connections, and hands out one that was used before only when nothing is on it."""

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:
        """See `aiohttp.BaseConnector`."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = cast("CountedConnection", connection.protocol)
            if protocol.is_at_boundary:
                protocol.begin()
                return connection
            connection.close()

    # aiohttp documents this as what a connector has to override.
    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],  # noqa: ARG002
        timeout: ClientTimeout,
    ) -> ResponseHandler:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout.sock_connect):
                _, protocol = await loop.create_connection(
                    lambda: CountedConnection(loop),
                    req.host,
                    req.port or _PORTS[req.is_ssl()],
                    ssl=req.is_ssl() or None,
                )
        except OSError as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                raise
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
        return protocol
