"""The way to the LiteLLM proxy: one pool of connections in a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from lisa_gateway.errors import UpstreamDownError, UpstreamTimeoutError

if TYPE_CHECKING:
    from lisa_gateway.settings import Settings

Body = bytes | AsyncIterator[bytes] | None

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


class Upstream:
    """Sends requests to LiteLLM, and answers from there. Enter it to open the pool."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.litellm_url.rstrip("/")
        self._key = settings.litellm_key
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_timeout, sock_read=settings.answer_timeout
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=self._timeout,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self, method: str, target: str, *, headers: CIMultiDict[str], body: Body = None
    ) -> aiohttp.ClientResponse:
        """Send a request and wait for the head of the answer; whoever gets the answer closes it.

        Args:
            method: HTTP method.
            target: path and query as they go over the wire, with the slash in front.
            headers: headers, as `forwarded` makes them.
            body: the body whole, or its parts as they come.

        Raises:
            UpstreamDownError: LiteLLM takes no connection, or ends it without an answer.
            UpstreamTimeoutError: it does not answer in time.
        """
        if self._session is None:
            raise UpstreamDownError("The gateway is stopping.")
        try:
            return await self._session.request(
                method, URL(self._url + target, encoded=True), headers=headers, data=body, allow_redirects=False
            )
        except TimeoutError as error:
            raise UpstreamTimeoutError("The model proxy did not answer in time.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamDownError("The model proxy cannot be reached.") from error

    async def is_alive(self) -> bool:
        """Whether LiteLLM answers its liveness probe soon."""
        if self._session is None:
            return False
        timeout = aiohttp.ClientTimeout(total=_PROBE_SECONDS)
        try:
            async with self._session.get(f"{self._url}/health/liveliness", timeout=timeout) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError):
            return False

    def forwarded(self, headers: Iterable[tuple[bytes, bytes]], request_id: str) -> CIMultiDict[str]:
        """The headers of a caller's request as LiteLLM gets them: with the gateway's key instead of the caller's."""
        headers = list(headers)
        dropped = _NOT_PASSED_ON | _named_by_connection(headers)
        kept = CIMultiDict(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name not in dropped
        )
        return self._signed(kept, request_id)

    def own(self, request_id: str, **headers: str) -> CIMultiDict[str]:
        """The headers of a request that the gateway makes itself."""
        return self._signed(CIMultiDict(headers), request_id)

    def _signed(self, headers: CIMultiDict[str], request_id: str) -> CIMultiDict[str]:
        headers["X-Request-ID"] = request_id
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        return headers


def answer_headers(answer: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    """The headers of an answer as the caller gets them: all but those of the connection to LiteLLM."""
    dropped = _HOP_BY_HOP | _named_by_connection(answer.raw_headers)
    return [(lower, value) for name, value in answer.raw_headers if (lower := name.lower()) not in dropped]


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    named: set[bytes] = set()
    for name, value in headers:
        if name.lower() == b"connection":
            named.update(part.strip().lower() for part in value.split(b","))
    return frozenset(named)
