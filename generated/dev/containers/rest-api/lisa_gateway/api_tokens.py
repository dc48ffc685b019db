"""API tokens: what the token table says of them, remembered for a short time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway.errors import UnavailableError
from lisa_gateway.single_flight import SingleFlight
from lisa_gateway.timed_cache import TimedCache

VALID_SECONDS = 45.0
"""How long a token that was found counts. With the read and DynamoDB's eventual consistency, a removal takes effect
within 60 s."""

RETRY_SECONDS = 5.0
"""How long a known token is not looked up again after its renewal began."""

RENEWAL_SECONDS = 1.0
"""How long a request with a known token waits for its renewal."""

UNKNOWN_SECONDS = 5.0
"""How long a token that was not found is not looked for again."""

LOOKUP_SECONDS = 5.0
"""How long a look-up may take in all."""

_CONNECTIONS = 50
_UNKNOWN_LOOKUPS = 40
"""Unknown tokens that are looked up at a time; the other connections are left for known ones."""

_UNKNOWN_WAITING = 1000
"""Unknown tokens that are looked up or wait for it; more of them are told to try again."""

_CACHE_SIZE = 10_000
_DOMAIN = b"token:"  # So that the digest of a token is never that of something else.
_LONGEST_KEY_BYTES = 2048  # DynamoDB: partition keys.

_log = logging.getLogger(__name__)


class TokenTableError(UnavailableError):
    """The token table did not answer in time, or with an error."""


class Table(Protocol):
    """Where tokens are looked up."""

    async def expiration(self, token: str) -> float | None:
        """When a token ends, in UNIX seconds, infinite when it does not; None when it is not in the table.

        Raises:
            TokenTableError: the table cannot be asked.
        """


class DynamoTable:
    """The token table in DynamoDB: items with `token` and, for some, `tokenExpiration` in UNIX seconds.

    Args:
        client: an aiobotocore client of DynamoDB.
        name: name of the table.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    async def expiration(self, token: str) -> float | None:
        """See `Table`."""
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                answer = await self._client.get_item(
                    TableName=self._name,
                    Key={"token": {"S": token}},
                    ProjectionExpression="#token, tokenExpiration",
                    ExpressionAttributeNames={"#token": "token"},
                )
        except (BotoCoreError, ClientError, OSError) as error:
            _log.warning("token table %s: %s", self._name, _reason(error))
            raise _silent() from error
        item = answer.get("Item")
        return None if item is None else _expiration(item)


@dataclass(slots=True)
class _Known:
    """A token that was found: when it ends (UNIX seconds), when it was found and when last looked up (monotonic)."""

    expires: float
    found: float
    tried: float


class ApiTokens:
    """Decides whether a token is valid now.

    Keys of what is remembered are digests, so that no token lies in memory longer than its request, and so that the
    time of a comparison reveals nothing about a token.

    While the table does not answer, a token that was good counts for `grace` seconds from when it was last found. It is
    looked up every few seconds, which its requests hardly wait for. A token that is not known waits for at most
    `LOOKUP_SECONDS`, in a queue whose places are limited, so that known tokens always have connections left.

    Args:
        table: where tokens are looked up.
        grace: seconds.
        clock: monotonic seconds.
        now: UNIX seconds.
    """

    def __init__(
        self,
        table: Table,
        *,
        grace: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._grace = grace
        self._clock = clock
        self._now = now
        self._known: TimedCache[bytes, _Known] = TimedCache(
            seconds=VALID_SECONDS + grace, size=_CACHE_SIZE, clock=clock
        )
        self._unknown: TimedCache[bytes, bool] = TimedCache(seconds=UNKNOWN_SECONDS, size=_CACHE_SIZE, clock=clock)
        self._lookups: SingleFlight[bytes, float | None] = SingleFlight()
        self._unknown_lookups = asyncio.Semaphore(_UNKNOWN_LOOKUPS)
        self._unknown_waiting = 0

    async def key_of(self, token: str) -> bytes | None:
        """A digest of a token that is in the table and has not expired; None for any other.

        Raises:
            TokenTableError: the table does not answer, and the token has not been found within the grace period.
        """
        encoded = token.encode()
        if not encoded or len(encoded) > _LONGEST_KEY_BYTES:
            return None
        digest = hashlib.sha256(_DOMAIN + encoded).digest()
        known = self._known.get(digest)
        if known is None:
            if self._unknown.get(digest):
                return None
            expires = await self._lookups.run(digest, lambda: self._look_up_unknown(digest, token))
        elif min(self._clock() - known.found - VALID_SECONDS, self._clock() - known.tried - RETRY_SECONDS) < 0:
            expires = known.expires
        else:
            expires = await self._renewed(digest, token, known)
        return digest if expires is not None and self._now() < expires else None

    async def _renewed(self, digest: bytes, token: str, known: _Known) -> float | None:
        """The expiration of a token that was found some time ago; what was found then, if the table does not answer."""
        known.tried = self._clock()
        try:
            async with asyncio.timeout(RENEWAL_SECONDS):
                return await self._lookups.run(digest, lambda: self._look_up(digest, token))
        except (TimeoutError, TokenTableError):
            return known.expires

    async def _look_up_unknown(self, digest: bytes, token: str) -> float | None:
        if self._unknown_waiting >= _UNKNOWN_WAITING:
            raise _silent()
        self._unknown_waiting += 1
        try:
            async with asyncio.timeout(LOOKUP_SECONDS), self._unknown_lookups:
                return await self._look_up(digest, token)
        except TimeoutError:
            raise _silent() from None
        finally:
            self._unknown_waiting -= 1

    async def _look_up(self, digest: bytes, token: str) -> float | None:
        """Ask the table, and remember its answer even when no request waits for it any more."""
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                expires = await self._table.expiration(token)
        except TimeoutError:
            raise _silent() from None
        if expires is None or expires <= self._now():
            self._known.discard(digest)
            self._unknown.put(digest, True)
            return None
        asked = self._clock()
        self._known.put(digest, _Known(expires, found=asked, tried=asked))
        return expires


def dynamo_client(region: str) -> AbstractAsyncContextManager[Any]:
    """A client of DynamoDB that gives up soon."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(
        connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2}, max_pool_connections=_CONNECTIONS
    )
    client: AbstractAsyncContextManager[Any] = get_session().create_client(
        "dynamodb", region_name=region, config=config
    )
    return client


def _silent() -> TokenTableError:
    return TokenTableError("API tokens cannot be checked at the moment; try again.")


def _expiration(item: dict[str, Any]) -> float:
    """When an item ends; one whose expiration is not a number has ended, since somebody meant to limit it."""
    attribute = item.get("tokenExpiration")
    if attribute is None:
        return math.inf
    try:
        return float(attribute["N"])
    except (KeyError, ValueError, TypeError):
        return -math.inf


def _reason(error: Exception) -> str:
    """What a log may say: botocore's own texts name the address and the operation, never the key."""
    return f"{type(error).__name__} {error}".strip()
