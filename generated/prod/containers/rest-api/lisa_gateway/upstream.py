"""The way to the LiteLLM proxy: aiohttp's client. See docs/decisions/0025-upstream-connections.md."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, closing
from hashlib import blake2b
from typing import TYPE_CHECKING, cast

import aiohttp
from yarl import URL

from lisa_gateway.connector import Connector
from lisa_gateway.errors import (
    BrokenAnswerError,
    GatewayError,
    InvalidRequestError,
    UpstreamDownError,
    UpstreamTimeoutError,
)
from lisa_gateway.upload import Upload

if TYPE_CHECKING:
    from lisa_gateway.connector import CountedConnection
    from lisa_gateway.settings import Settings

Body = bytes | AsyncIterator[bytes] | None
Headers = list[tuple[bytes, bytes]]

# RFC 9110, section 7.6.1: these speak of one connection, not of the message.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Where LiteLLM looks for a key: the caller's must not get there, nor replace the gateway's own. The rest is the
# client's, or is set by it.
_NOT_PASSED_ON = _HOP_BY_HOP | {
    b"api-key",
    b"authorization",
    b"cookie",
    b"expect",
    b"host",
    b"ocp-apim-subscription-key",
    b"x-api-key",
    b"x-goog-api-key",
    b"x-litellm-api-key",
    b"x-request-id",
}
# What the container's configuration and accounts are like, which is not for callers.
_NOT_SHOWN = frozenset(
    {
        b"llm_provider-openai-organization",
        b"llm_provider-openai-project",
        b"llm_provider-set-cookie",
        b"set-cookie",
        b"x-litellm-model-api-base",
    }
)
_CREDENTIALS = frozenset({b"authorization", b"api-key"})
# uvicorn, which LiteLLM runs on, closes a connection that was idle for 5 seconds; one that is about to be closed must
# not be taken for the next request.
_KEEPALIVE_SECONDS = 1.0
_PROBE_SECONDS = 2.0
# Limits on the head of an answer. A provider's headers come through LiteLLM with a prefix, so that there may be many.
_MAX_LINE_BYTES = 16 * 1024
_MAX_HEADERS = 256
_MAX_HEAD_BYTES = 64 * 1024
_FINAL_STATUS = range(200, 600)
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
# RFC 9110, section 5: what a server may send as names and values; aiohttp is lenient about answers.
_NOT_IN_NAME = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z]")
_NOT_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Answer:
    """An answer of LiteLLM whose head has come. Close it, whatever comes of it.

    Attributes:
        status: its status, 200 to 599.
        headers: its headers as they came.
    """

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Headers = list(response.raw_headers)
        self._response = response

    async def next_part(self) -> bytes:
        """What has come of the body since the last call, at least a byte; nothing at its end.

        Raises:
            BrokenAnswerError: LiteLLM broke the answer off, or is silent.
        """
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError) as error:
            raise BrokenAnswerError from error

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left to come and to be taken."""
        return self._response.content.at_eof()

    def close(self) -> None:
        """End the exchange; before the answer's end it breaks the connection, which LiteLLM notices."""
        self._response.close()


class Upstream:
    """Sends requests to LiteLLM, and answers from there. Enter it to open the pools of connections."""

    def __init__(self, settings: Settings) -> None:
        url = URL(settings.litellm_url)
        self._origin = str(url.origin())
        self._base = url.raw_path.rstrip("/")
        self._is_tls = url.scheme == "https"
        self._key = b"Bearer " + settings.litellm_key.get_secret_value().encode() if settings.litellm_key else None
        self._connect_timeout = settings.connect_timeout
        self._answer_timeout = settings.answer_timeout
        self._max_connections = settings.max_connections
        self._sessions = AsyncExitStack()
        self._kept: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        self._kept = await self._sessions.enter_async_context(self._session(is_kept=True))
        self._fresh = await self._sessions.enter_async_context(self._session(is_kept=False))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._kept = self._fresh = None
        await self._sessions.aclose()

    async def send(
        self, method: str, target: bytes, *, headers: Headers, body: Body = None, caller: str | None = None
    ) -> Answer:
        """Send a request and wait for the head of the answer.

        Whoever gets the answer closes it; closing it before its end cancels what LiteLLM does.

        Args:
            method: HTTP method.
            target: path and query as they go over the wire, with the slash in front.
            headers: headers, as `forwarded` or `own` makes them.
            body: the body whole, or its parts as they come.
            caller: as `credential` makes it; a connection is used again for the same one alone, never for None.

        Raises:
            InvalidRequestError: the target does not begin with a slash, or is not ASCII; a header is not UTF-8.
            UpstreamDownError: LiteLLM takes no connection, ends it without an answer, or sends what is not HTTP.
            UpstreamTimeoutError: it does not answer in time.
        """
        is_streamed = isinstance(body, AsyncIterator)
        session = self._kept if caller is not None and not is_streamed and not self._is_tls else self._fresh
        if session is None:
            raise UpstreamDownError("The gateway is stopping.")
        url = self._url(target)
        # aiohttp's own limit is on each part that comes, so that a head that drips, or interim answers, would pass it.
        timeout = asyncio.timeout(self._answer_timeout)
        data = Upload(body, timeout, self._answer_timeout) if isinstance(body, AsyncIterator) else body
        try:
            async with timeout:
                response = await session.request(
                    method,
                    url,
                    headers=_decoded(headers, with_length=is_streamed),
                    data=data,
                    allow_redirects=False,
                    # Without TLS the name has no other use than to tell connections apart.
                    server_hostname=caller if session is self._kept else None,
                )
        except TimeoutError as error:
            raise UpstreamTimeoutError("The model proxy did not answer in time.") from error
        except aiohttp.ClientResponseError as error:
            raise UpstreamDownError("The model proxy's answer is not valid HTTP.") from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamDownError("The model proxy cannot be reached.") from error
        except aiohttp.ClientError as error:
            raise UpstreamDownError("The model proxy closed the connection without an answer.") from error
        finally:
            if isinstance(data, Upload):
                data.is_over = True
        if response.connection is not None:
            cast("CountedConnection", response.connection.protocol).reader = response.content
        answer = Answer(response)
        if not _is_valid(answer):
            answer.close()
            raise UpstreamDownError("The model proxy's answer is not valid HTTP.")
        return answer

    async def is_alive(self) -> bool:
        """Whether LiteLLM answers its liveness probe soon."""
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                with closing(await self.send("GET", b"/health/liveliness", headers=[])) as answer:
                    return answer.status == 200
        except (GatewayError, TimeoutError):
            return False

    def forwarded(self, headers: Iterable[tuple[bytes, bytes]], request_id: str) -> Headers:
        """The headers of a caller's request as LiteLLM gets them: with the gateway's key instead of the caller's.

        Their names are in lower case.
        """
        headers = list(headers)
        dropped = _NOT_PASSED_ON | _named_by_connection(headers)
        return self._signed([header for header in headers if header[0] not in dropped], request_id)

    def own(self, request_id: str, content_type: str) -> Headers:
        """The headers of a request that the gateway makes itself."""
        return self._signed([(b"content-type", content_type.encode())], request_id)

    def _signed(self, headers: Headers, request_id: str) -> Headers:
        headers.append((b"x-request-id", request_id.encode()))
        if self._key is not None:
            headers.append((b"authorization", self._key))
        return headers

    def _url(self, target: bytes) -> URL:
        # Anything but a slash would be read as a part of the host.
        if not target.startswith(b"/") or not target.isascii():
            raise InvalidRequestError("The path must begin with a slash and be percent-encoded.")
        return URL(f"{self._origin}{self._base}{target.decode('ascii')}", encoded=True)

    def _session(self, *, is_kept: bool) -> aiohttp.ClientSession:
        limit = self._max_connections
        return aiohttp.ClientSession(
            connector=Connector(limit=limit, keepalive_timeout=_KEEPALIVE_SECONDS)
            if is_kept
            else Connector(limit=limit, force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(
                # The second half is for waiting until one of the connections is free.
                connect=2 * self._connect_timeout,
                sock_connect=self._connect_timeout,
                sock_read=self._answer_timeout,
            ),
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
            max_headers=_MAX_HEADERS,
        )


def credential(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """A digest that tells callers apart by what they authenticate with; None where that is nothing.

    Args:
        headers: of the caller's request, with names in lower case.
    """
    given = [b"%b: %b" % header for header in headers if header[0] in _CREDENTIALS]
    return blake2b(b"\n".join(given), digest_size=16).hexdigest() if given else None


def answer_headers(answer: Answer) -> Headers:
    """The headers of an answer as the caller gets them, in lower case.

    Those of the connection to LiteLLM are left out, and those that show where a model is and whose account is used.
    """
    dropped = _HOP_BY_HOP | _NOT_SHOWN | _named_by_connection(answer.headers)
    return [(lower, value) for name, value in answer.headers if (lower := name.lower()) not in dropped]


async def whole(answer: Answer) -> bytes:
    """The body of an answer.

    Raises:
        UpstreamDownError: LiteLLM broke it off.
    """
    parts = []
    try:
        while part := await answer.next_part():
            parts.append(part)
    except BrokenAnswerError as error:
        raise UpstreamDownError("The model proxy broke off its answer.") from error
    return b"".join(parts)


def _decoded(headers: Headers, *, with_length: bool) -> list[tuple[str, str]]:
    """Headers as aiohttp takes them, which encodes them as UTF-8; it sets the length of a body that is whole itself."""
    try:
        return [(name.decode(), value.decode()) for name, value in headers if with_length or name != b"content-length"]
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The headers must be encoded as UTF-8.") from error


def _is_valid(answer: Answer) -> bool:
    """Whether the gateway's own server can send the status and the headers on; one search costs less than many."""
    names = [name for name, _ in answer.headers]
    values = b" ".join([value for _, value in answer.headers])
    joined = b"+".join(names)
    return (
        answer.status in _FINAL_STATUS
        and len(joined) + len(values) <= _MAX_HEAD_BYTES
        and all(names)
        and not _NOT_IN_NAME.search(joined)
        and not _NOT_IN_VALUE.search(values)
        and sum(name.lower() in _FRAMING for name in names) <= 1
    )


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    named: set[bytes] = set()
    for name, value in headers:
        if name.lower() == b"connection":
            named.update(part.strip().lower() for part in value.split(b","))
    return frozenset(named)
