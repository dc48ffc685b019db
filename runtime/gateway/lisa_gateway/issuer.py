"""OpenID Connect tokens: the keys of the issuer, fetched without holding anybody up."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from lisa_gateway.sign_outs import SignOuts
from lisa_gateway.single_flight import SingleFlight
from lisa_gateway.timed_cache import TimedCache
from lisa_oidc import (
    Caller,
    Expectation,
    IssuerError,
    KeyStore,
    UnknownKeyError,
    UnreachableIssuerError,
    UnusableIssuerError,
    discovery_url,
    parse_discovery,
    parse_keys,
    read_header,
    verify,
)

Fetch = Callable[[str], Awaitable[Any]]

FETCH_SECONDS = 5.0
_DOCUMENT_LIMIT = 1024 * 1024
VERIFIED_SECONDS = 30.0
"""How long a token that was verified is not verified again."""

_CACHE_SIZE = 10_000

_log = logging.getLogger(__name__)


class Verifier:
    """Verifies tokens of one issuer.

    A token whose key is not known waits for the issuer's keys; all who wait share one request, and requests are limited
    (`KeyStore`). Keys that are not fresh any more are fetched in the background.

    Args:
        authority: the issuer's address.
        expectation: what tokens must be like.
        fetch: from a URL to the JSON document there; raises IssuerError.
        store: where the keys are kept.
        sign_outs: which sessions have ended; None when the provider reports no sign-outs.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        authority: str,
        expectation: Expectation,
        *,
        fetch: Fetch,
        store: KeyStore | None = None,
        sign_outs: SignOuts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._authority = authority
        self._expectation = expectation
        self._fetch = fetch
        self._store = store or KeyStore()
        self._sign_outs = sign_outs
        self._refreshes: SingleFlight[None, None] = SingleFlight()
        self._refresh: asyncio.Task[None] | None = None
        self._verified: TimedCache[bytes, Caller] = TimedCache(seconds=VERIFIED_SECONDS, size=_CACHE_SIZE, clock=clock)

    async def verify(self, token: str) -> Caller:
        """Verify a token.

        Raises:
            TokenError: the token is refused; its class says why.
            IssuerError: the issuer's keys are not known, and cannot be fetched now.
            UnavailableError: whether the caller signed out is not known.
        """
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is not None and time.time() < known.expires:
            return known
        header = read_header(token)
        key = self._store.find(header.key_id, header.algorithm)
        if self._store.is_due(key):
            self._store.begin()
            self._refresh = self._refreshes.start(None, self._renew)
        if key is None and self._refresh is not None and not self._refresh.done():
            await self._wait(self._refresh)
            key = self._store.find(header.key_id, header.algorithm)
        issuer = self._store.issuer
        if issuer is None:
            raise UnreachableIssuerError("The identity provider is unreachable. Try again later.")
        if key is None:
            raise UnknownKeyError("The token is signed with an unknown key. Sign in again.")
        caller = verify(token, header=header, key=key, issuer=issuer.name, expectation=self._expectation)
        if self._sign_outs is not None:
            await self._sign_outs.check(caller)
        self._verified.put(digest, caller)
        return caller

    async def _wait(self, refresh: asyncio.Task[None]) -> None:
        try:
            await asyncio.shield(refresh)
        except IssuerError:
            if self._store.issuer is None:
                raise

    async def _renew(self) -> None:
        try:
            issuer = parse_discovery(await self._fetch(discovery_url(self._authority)), self._authority)
            self._store.replace(issuer, parse_keys(await self._fetch(issuer.jwks_uri)))
        except IssuerError as error:
            _log.warning("identity provider: %s", error)
            raise


class Documents:
    """Fetches an issuer's documents; SSL_CERT_FILE and SSL_CERT_DIR name the certificates to trust."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()),
            timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=True,
        )

    async def fetch(self, url: str) -> Any:
        """The JSON document at a URL.

        Raises:
            IssuerError: there is none, or it cannot be fetched.
        """
        try:
            async with self._session.get(url, headers={"Accept": "application/json"}) as answer:
                if answer.status != 200:
                    raise UnreachableIssuerError(f"{url} answers with {answer.status}.")
                if (answer.content_length or 0) > _DOCUMENT_LIMIT:
                    raise UnusableIssuerError(f"{url} returned more than {_DOCUMENT_LIMIT} bytes.")
                return await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableIssuerError(f"{url} does not respond: {type(error).__name__} {error}".strip()) from error
        except (ValueError, RecursionError) as error:
            raise UnusableIssuerError(f"{url} did not return JSON.") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
