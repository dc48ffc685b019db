"""API tokens: what the token table says of them, remembered for a short time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway.errors import UnavailableError
from lisa_gateway.single_flight import SingleFlight
from lisa_gateway.timed_cache import TimedCache

VALID_SECONDS = 45.0
"""How long a token that was found counts. With the read and DynamoDB's eventual consistency, a removal takes effect
within 60 s."""

UNKNOWN_SECONDS = 5.0
"""How long a token that was not found is not looked for again."""

LOOKUP_SECONDS = 5.0
"""How long a look-up may take in all."""

_CACHE_SIZE = 10_000
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
            raise TokenTableError("API tokens cannot be checked at the moment; try again.") from error
        item = answer.get("Item")
        return None if item is None else _expiration(item)


class ApiTokens:
    """Says of a token whether it is valid now.

    Keys of what is remembered are digests, so that no token lies in memory longer than its request, and so that the
    time of a comparison says nothing about a token.
    """

    def __init__(
        self, table: Table, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._now = now
        self._valid: TimedCache[bytes, float] = TimedCache(seconds=VALID_SECONDS, size=_CACHE_SIZE, clock=clock)
        self._unknown: TimedCache[bytes, bool] = TimedCache(seconds=UNKNOWN_SECONDS, size=_CACHE_SIZE, clock=clock)
        self._lookups: SingleFlight[bytes, float | None] = SingleFlight()

    async def is_valid(self, token: str) -> bool:
        """Whether a token is in the table and has not expired.

        Raises:
            TokenTableError: the table cannot be asked.
        """
        encoded = token.encode()
        if not encoded or len(encoded) > _LONGEST_KEY_BYTES:
            return False
        digest = hashlib.sha256(encoded).digest()
        expires = self._valid.get(digest)
        if expires is None:
            if self._unknown.get(digest):
                return False
            expires = await self._lookups.run(digest, lambda: self._table.expiration(token))
            if expires is None or expires <= self._now():
                self._unknown.put(digest, True)
                return False
            self._valid.put(digest, expires)
        return self._now() < expires


def dynamo_client(region: str) -> AbstractAsyncContextManager[Any]:
    """A client of DynamoDB that gives up soon."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2}, max_pool_connections=50)
    client: AbstractAsyncContextManager[Any] = get_session().create_client(
        "dynamodb", region_name=region, config=config
    )
    return client


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
