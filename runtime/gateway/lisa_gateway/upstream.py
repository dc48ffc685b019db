"""The way to the LiteLLM proxy: one pool of connections in a worker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lisa_gateway.connection import Body, Connection, Headers
from lisa_gateway.errors import BrokenAnswerError, GatewayError, UpstreamDownError, UpstreamTimeoutError

if TYPE_CHECKING:
    from lisa_gateway.settings import Settings

Answer = Connection
"""An answer is its connection, which waits for whoever reads it."""

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
# client's, or is set anew.
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
# uvicorn, which LiteLLM runs on, closes a connection that was idle for 5 seconds; one that is about to be closed must
# not be taken for the next request.
_KEEPALIVE_SECONDS = 3.0
_PROBE_SECONDS = 2.0
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_USUALLY_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Upstream:
    """Sends requests to LiteLLM, and answers from there. Enter it to open the pool."""

    def __init__(self, settings: Settings) -> None:
        address = urlsplit(settings.litellm_url)
        self._host = address.hostname or ""
        self._tls = address.scheme == "https"
        self._port = address.port or (443 if self._tls else 80)
        self._base = address.path.rstrip("/").encode()
        self._authority = address.netloc.rpartition("@")[2].encode()
        self._key = settings.litellm_key.get_secret_value().encode() if settings.litellm_key else None
        self._connect_timeout = settings.connect_timeout
        self._answer_timeout = settings.answer_timeout
        self._is_open = False
        self._idle: deque[Connection] = deque()  # The one that was used last is at the end.

    async def __aenter__(self) -> Upstream:
        self._is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_open = False
        while self._idle:
            self._idle.pop().abort()

    async def send(self, method: str, target: bytes, *, headers: Headers, body: Body = None) -> Answer:
        """Send a request and wait for the head of the answer.

        Whoever gets the answer closes it; closing it before its end cancels what LiteLLM does.

        Args:
            method: HTTP method.
            target: path and query as they go over the wire, with the slash in front.
            headers: headers, as `forwarded` or `own` makes them.
            body: the body whole, or its parts as they come.

        Raises:
            UpstreamDownError: LiteLLM takes no connection, or ends it without an answer.
            UpstreamTimeoutError: it does not answer in time.
        """
        head = self._head(method, target, headers, body)
        may_repeat = method in _IDEMPOTENT and not isinstance(body, AsyncIterator)
        while True:
            connection, is_used = await self._connection()
            try:
                await connection.ask(head, body, is_head=method == "HEAD")
            except UpstreamDownError:
                connection.close()
                # LiteLLM closed a connection that was idle, at the moment when it was taken.
                if is_used and connection.is_fresh and may_repeat:
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            return connection

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
            headers.append((b"authorization", b"Bearer " + self._key))
        return headers

    def _head(self, method: str, target: bytes, headers: Headers, body: Body) -> bytes:
        lines = [b"%b %b%b HTTP/1.1" % (method.encode(), self._base, target), b"host: " + self._authority]
        if isinstance(body, AsyncIterator):
            if not any(name == b"content-length" for name, _ in headers):
                lines.append(b"transfer-encoding: chunked")
        else:
            headers = [header for header in headers if header[0] != b"content-length"]
            if body or method in _USUALLY_WITH_BODY:
                lines.append(b"content-length: %d" % len(body or b""))
        lines += [b"%b: %b" % header for header in headers]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    async def _connection(self) -> tuple[Connection, bool]:
        """A connection, and whether it has been used before."""
        if not self._is_open:
            raise UpstreamDownError("The gateway is stopping.")
        loop = asyncio.get_running_loop()
        self._drop_idle(loop.time() - _KEEPALIVE_SECONDS)
        while self._idle:
            idle = self._idle.pop()
            if idle.is_open:
                return idle, True
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._answer_timeout, self._keep), self._host, self._port, ssl=self._tls or None
                )
        except TimeoutError as error:
            raise UpstreamTimeoutError("The model proxy did not answer in time.") from error
        except OSError as error:
            raise UpstreamDownError("The model proxy cannot be reached.") from error
        return connection, False

    def _drop_idle(self, until: float) -> None:
        while self._idle and self._idle[0].released_at <= until:
            self._idle.popleft().abort()

    def _keep(self, connection: Connection) -> None:
        if self._is_open:
            self._idle.append(connection)
        else:
            connection.abort()


def answer_headers(answer: Answer) -> Headers:
    """The headers of an answer as the caller gets them: all but those of the connection to LiteLLM, in lower case."""
    dropped = _HOP_BY_HOP | _named_by_connection(answer.headers)
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


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    named: set[bytes] = set()
    for name, value in headers:
        if name.lower() == b"connection":
            named.update(part.strip().lower() for part in value.split(b","))
    return frozenset(named)
