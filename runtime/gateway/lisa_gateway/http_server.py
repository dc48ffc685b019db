"""An HTTP server behind the gateway. See docs/decisions/0025-upstream-connections.md."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError

from lisa_gateway.answer import Answer
from lisa_gateway.connection import write_body, write_head
from lisa_gateway.errors import GatewayError, InvalidRequestError, UpstreamTimeoutError, UpstreamUnavailableError
from lisa_gateway.event_stream import is_event_stream
from lisa_gateway.pool import Pool
from lisa_gateway.upload import Upload

Body = bytes | AsyncIterator[bytes] | None
Headers = list[tuple[bytes, bytes]]

_PORTS = {"http": 80, "https": 443}
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_IN_TARGET = re.compile(rb"[^\x21-\x7e]")


class StaleConnectionError(UpstreamUnavailableError):
    """A connection that had been used before ended before any byte of the answer: the request may be sent again."""


class HttpServer:
    """Sends requests to one server, and returns its answers. Enter it; leaving it ends the connections.

    Args:
        url: its address, with a path that is put before each target.
        subject: what it is, for errors that callers get: `the model proxy`.
        answer_timeout: seconds until the first byte of an answer, and from one part of it to the next.
        stream_idle_timeout: seconds from one part of a stream of events to the next, after the first.
        connect_timeout: seconds until it takes a connection.
        max_connections: connections in use at a time.
        kept_seconds: how long a connection is kept for the caller that had it.
        on_open: called when the server has taken a new connection.
    """

    def __init__(
        self,
        url: str,
        *,
        subject: str,
        answer_timeout: float,
        stream_idle_timeout: float,
        connect_timeout: float,
        max_connections: int,
        kept_seconds: float,
        on_open: Callable[[], None] | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc.encode()
        self._base = parts.path.rstrip("/")
        self._subject = subject
        self._answer_timeout = answer_timeout
        self._stream_idle_timeout = stream_idle_timeout
        self._pool = Pool(
            parts.hostname or "",
            parts.port or _PORTS[parts.scheme],
            is_tls=parts.scheme == "https",
            limit=max_connections,
            timeout=connect_timeout,
            kept_seconds=kept_seconds,
            subject=subject,
            on_open=on_open,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def is_in_use(self) -> bool:
        """Whether a request is in flight."""
        return self._pool.is_in_use

    def close(self) -> None:
        """End the connections that are kept; those in use end with their answers."""
        self._pool.close()

    async def send(
        self, method: str, target: bytes, *, headers: Headers, body: Body = None, caller: bytes = b""
    ) -> Answer:
        """Send a request and wait for the head of the answer.

        Whoever gets the answer closes it; closing it before its end cancels what the server does.

        Args:
            method: HTTP method.
            target: path and query as they go over the wire, with the slash in front.
            headers: headers, without those of the connection.
            body: the body whole, or its parts as they come.
            caller: who asks; a connection is used again for the same one alone, never for nothing.

        Raises:
            InvalidRequestError: the target is no path, or is not percent-encoded; a header is not UTF-8.
            UpstreamUnreachableError: the server takes no connection.
            StaleConnectionError: it ended a connection that was kept, without an answer.
            UpstreamUnavailableError: it ends a new connection without an answer, or sends what is not HTTP.
            UpstreamTimeoutError: it does not respond in time.
        """
        if not target.startswith(b"/") or _NOT_IN_TARGET.search(target):
            raise InvalidRequestError("The path must start with a slash and be percent-encoded.")
        if isinstance(body, AsyncIterator) or method != "POST":
            # A kept connection may be about to end; and one that an upload is cut off on is of no use.
            caller = b""
        connection = await self._pool.take(caller)
        is_kept = connection.idle_since > 0
        upload: Upload | None = None

        def end() -> None:
            if upload is not None:
                upload.end()
            self._pool.give_back(connection, caller)

        try:
            writer = connection.begin(method, self._answer_timeout)
            framed = self._framed(headers, method, body, is_kept=bool(caller))
            await write_head(writer, f"{method} {self._base}{target.decode()} HTTP/1.1", framed)
            if isinstance(body, AsyncIterator):
                async with asyncio.timeout(None) as head:
                    upload = Upload(body, head, self._answer_timeout)
                    upload.start(connection, writer)
                    message, reader = await connection.head()
                upload.has_head()
            else:
                await write_body(writer, body)
                connection.is_sent()
                message, reader = await connection.head()
        except BaseException as error:
            is_silent = is_kept and not connection.has_received
            end()
            if translated := self._translated(error, is_silent=is_silent):
                raise translated from error
            raise
        received = [(name.lower(), value) for name, value in message.raw_headers]
        begun = partial(connection.limit_silence, self._stream_idle_timeout) if is_event_stream(received) else None
        answer = Answer(message.code, received, reader, end, begun=begun)
        if not answer.is_valid:
            answer.close()
            raise self._invalid()
        return answer

    def _framed(self, headers: Headers, method: str, body: Body, *, is_kept: bool) -> Headers:
        """The headers with those of the connection and of the body's framing."""
        framed = [(b"Host", self._host), *headers]
        if not isinstance(body, AsyncIterator):
            framed = [header for header in framed if header[0] != b"content-length"]
            if body is not None or method not in _BODILESS:
                framed.append((b"content-length", b"%d" % len(body or b"")))
        elif all(name != b"content-length" for name, _ in headers):
            framed.append((b"transfer-encoding", b"chunked"))
        if not is_kept:
            framed.append((b"connection", b"close"))
        return framed

    def _invalid(self) -> GatewayError:
        return UpstreamUnavailableError(f"The response of {self._subject} is not valid HTTP.")

    def _translated(self, error: BaseException, *, is_silent: bool) -> GatewayError | None:
        """The error that callers get for a failure of the server; None for any other failure."""
        subject = f"{self._subject[:1].upper()}{self._subject[1:]}"
        if isinstance(error, TimeoutError):
            return UpstreamTimeoutError(f"{subject} did not respond in time.")
        if isinstance(error, HttpProcessingError):
            return self._invalid()
        if isinstance(error, (aiohttp.ClientError, OSError)):
            kind = StaleConnectionError if is_silent else UpstreamUnavailableError
            return kind(f"{subject} closed the connection without a response.")
        return None
