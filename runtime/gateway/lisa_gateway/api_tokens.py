"""API tokens: which are valid now. What the token table says of them is remembered for a short time."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from lisa_gateway.single_flight import SingleFlight
from lisa_gateway.timed_cache import TimedCache
from lisa_gateway.token_table import LOOKUP_SECONDS, Table, TokenRecord, TokenTableError, unavailable
from lisa_tokens import STORED_PREFIX, has_token_form, has_valid_checksum

VALID_SECONDS = 45.0
"""How long a token that was found counts. With the read and DynamoDB's eventual consistency, a removal takes effect
within 60 s."""

RETRY_SECONDS = 5.0
"""How long a known token is not looked up again after its renewal began."""

RENEWAL_SECONDS = 1.0
"""How long a request with a known token waits for its renewal."""

UNKNOWN_SECONDS = 5.0
"""How long a token that was not found is not looked for again."""

_UNKNOWN_LOOKUPS = 40
"""Unknown tokens that are looked up at a time; the other connections are left for known ones."""

_UNKNOWN_WAITING = 1000
"""Unknown tokens that are looked up or wait for it; more of them are told to try again."""

_CACHE_SIZE = 10_000
_DOMAIN = b"token:"  # So that the digest of a token is never that of something else.
_LONGEST_BYTES = 2048  # DynamoDB: partition keys, which the tokens of LISA 2.x are.


@dataclass(frozen=True, slots=True)
class ValidToken:
    """A token that is valid now.

    Attributes:
        key: a digest that identifies it, which is not the table's and is never logged.
        record: what the table says of it.
    """

    key: bytes
    record: TokenRecord


@dataclass(slots=True)
class _Known:
    """A token that was found: what it is, when it was found and when last looked up (monotonic)."""

    record: TokenRecord
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
        self._lookups: SingleFlight[bytes, TokenRecord | None] = SingleFlight()
        self._unknown_lookups = asyncio.Semaphore(_UNKNOWN_LOOKUPS)
        self._unknown_waiting = 0

    async def find(self, token: str) -> ValidToken | None:
        """A token that is in the table and has not expired; None for any other.

        Raises:
            TokenTableError: the table does not answer, and the token has not been found within the grace period.
        """
        encoded = token.encode()
        if not encoded or len(encoded) > _LONGEST_BYTES or _is_impossible(token):
            return None
        digest = hashlib.sha256(_DOMAIN + encoded).digest()
        known = self._known.get(digest)
        if known is None:
            if self._unknown.get(digest):
                return None
            record = await self._lookups.run(digest, lambda: self._look_up_unknown(digest, token))
        elif min(self._clock() - known.found - VALID_SECONDS, self._clock() - known.tried - RETRY_SECONDS) < 0:
            record = known.record
        else:
            record = await self._renewed(digest, token, known)
        return ValidToken(digest, record) if record is not None and self._now() < record.expires else None

    async def _renewed(self, digest: bytes, token: str, known: _Known) -> TokenRecord | None:
        """A token that was found some time ago; what was found then, if the table does not answer."""
        known.tried = self._clock()
        try:
            async with asyncio.timeout(RENEWAL_SECONDS):
                return await self._lookups.run(digest, lambda: self._look_up(digest, token))
        except (TimeoutError, TokenTableError):
            return known.record

    async def _look_up_unknown(self, digest: bytes, token: str) -> TokenRecord | None:
        if self._unknown_waiting >= _UNKNOWN_WAITING:
            raise unavailable()
        self._unknown_waiting += 1
        try:
            async with asyncio.timeout(LOOKUP_SECONDS), self._unknown_lookups:
                return await self._look_up(digest, token)
        except TimeoutError:
            raise unavailable() from None
        finally:
            self._unknown_waiting -= 1

    async def _look_up(self, digest: bytes, token: str) -> TokenRecord | None:
        """Ask the table, and remember its answer even when no request waits for it any more."""
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                record = await self._table.find(token)
        except TimeoutError:
            raise unavailable() from None
        if record is None or record.expires <= self._now():
            self._known.discard(digest)
            self._unknown.put(digest, True)
            return None
        asked = self._clock()
        self._known.put(digest, _Known(record, found=asked, tried=asked))
        return record


def _is_impossible(token: str) -> bool:
    """Whether the table cannot have a token: its checksum is wrong, or it is what the table stores."""
    return token.startswith(STORED_PREFIX) or (has_token_form(token) and not has_valid_checksum(token))
