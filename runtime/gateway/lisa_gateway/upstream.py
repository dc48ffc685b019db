"""The way to the LiteLLM proxy. See docs/decisions/0025-upstream-connections.md."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError

from lisa_gateway.answer import Answer
from lisa_gateway.connection import write_body, write_head
from lisa_gateway.errors import GatewayError, InvalidRequestError, UpstreamTimeoutError, UpstreamUnavailableError
from lisa_gateway.event_stream import is_event_stream
from lisa_gateway.pool import Pool
from lisa_gateway.upload import Upload

if TYPE_CHECKING:
    from lisa_gateway.settings import Settings

Body = bytes | AsyncIterator[bytes] | None
Headers = list[tuple[bytes, bytes]]

_PORTS = {"http": 80, "https": 443}
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_PROBE_SECONDS = 2.0
_NOT_IN_TARGET = re.compile(rb"[^\x21-\x7e]")
_INVALID = "The response of the model proxy is not valid HTTP."


class Upstream:
    """Sends requests to LiteLLM, and answers from there. Enter it; leaving it ends the connections."""

    def __init__(self, settings: Settings) -> None:
        url = urlsplit(settings.litellm_url)
        self._host = url.netloc.encode()
        self._base = url.path.rstrip("/")
        self._key = b"Bearer " + settings.litellm_key.get_secret_value().encode() if settings.litellm_key else None
        self._answer_timeout = settings.answer_timeout
        self._stream_idle_timeout = settings.stream_idle_timeout
        self._pool = Pool(
            url.hostname or "",
            url.port or _PORTS[url.scheme],
            is_tls=url.scheme == "https",
            limit=settings.max_connections,
            timeout=settings.connect_timeout,
        )

    async def __aenter__(self) -> Upstream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pool.close()

    async def send(
        self, method: str, target: bytes, *, headers: Headers, body: Body = None, caller: bytes = b""
    ) -> Answer:
        """Send a request and wait for the head of the answer.

        Whoever gets the answer closes it; closing it before its end cancels what LiteLLM does.

        Args:
            method: HTTP method.
            target: path and query as they go over the wire, with the slash in front.
            headers: headers, as `signed` makes them.
            body: the body whole, or its parts as they come.
            caller: who asks; a connection is used again for the same one alone, never for nothing.

        Raises:
            InvalidRequestError: the target is no path, or is not percent-encoded; a header is not UTF-8.
            UpstreamUnavailableError: LiteLLM takes no connection, ends it without an answer, or sends what is not HTTP.
            UpstreamTimeoutError: it does not respond in time.
        """
        if not target.startswith(b"/") or _NOT_IN_TARGET.search(target):
            raise InvalidRequestError("The path must start with a slash and be percent-encoded.")
        if isinstance(body, AsyncIterator) or method != "POST":
            # A kept connection may be about to end; and one that an upload is cut off on is of no use.
            caller = b""
        connection = await self._pool.take(caller)
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
            end()
            if translated := _translated(error):
                raise translated from error
            raise
        received = [(name.lower(), value) for name, value in message.raw_headers]
        begun = partial(connection.limit_silence, self._stream_idle_timeout) if is_event_stream(received) else None
        answer = Answer(message.code, received, reader, end, begun=begun)
        if not answer.is_valid:
            answer.close()
            raise UpstreamUnavailableError(_INVALID)
        return answer

    async def is_alive(self) -> bool:
        """Whether LiteLLM answers its liveness probe soon."""
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                with closing(await self.send("GET", b"/health/liveliness", headers=[])) as answer:
                    return answer.status == 200
        except (GatewayError, TimeoutError):
            return False

    def signed(self, headers: Headers, request_id: str) -> Headers:
        """Headers as LiteLLM gets them: with the gateway's key."""
        signed = [*headers, (b"x-request-id", request_id.encode())]
        if self._key is not None:
            signed.append((b"authorization", self._key))
        return signed

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


def _translated(error: BaseException) -> GatewayError | None:
    """The error that callers get for a failure of LiteLLM; None for any other failure."""
    if isinstance(error, TimeoutError):
        return UpstreamTimeoutError("The model proxy did not respond in time.")
    if isinstance(error, HttpProcessingError):
        return UpstreamUnavailableError(_INVALID)
    if isinstance(error, (aiohttp.ClientError, OSError)):
        return UpstreamUnavailableError("The model proxy closed the connection without a response.")
    return None
