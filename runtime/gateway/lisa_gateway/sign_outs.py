"""Sign-outs at the identity provider: whether the session of a caller has ended.

The sign-outs function records them (back-channel logout), and they are looked up here. A sign-out takes effect within
60 seconds: `Verifier` remembers a caller for `VERIFIED_SECONDS`, what was looked up counts for `FRESH_SECONDS`, and a
look-up may take `LOOKUP_SECONDS`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway.errors import UnavailableError
from lisa_gateway.single_flight import SingleFlight
from lisa_gateway.timed_cache import TimedCache
from lisa_oidc import Caller, check_signed_in, keys_of

FRESH_SECONDS = 20.0
"""How long what was looked up counts."""

LOOKUP_SECONDS = 5.0
"""How long a look-up may take in all."""

RENEWAL_SECONDS = 1.0
"""How long a request of a caller whose sign-outs were looked up before waits for their renewal."""

RETRY_SECONDS = 5.0
"""How long they are not looked up again after a renewal began."""

_CACHE_SIZE = 10_000
_Keys = tuple[str, str]

_log = logging.getLogger(__name__)


class SignOutTable(Protocol):
    """Where sign-outs are looked up."""

    async def ended(self, keys: _Keys) -> tuple[float, ...]:
        """Times of the sign-outs under some keys, in UNIX seconds.

        Raises:
            UnavailableError: the table cannot be asked.
        """


class DynamoSignOuts:
    """The table of sign-outs in DynamoDB.

    Args:
        client: an aiobotocore client of DynamoDB.
        name: name of the table.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    async def ended(self, keys: _Keys) -> tuple[float, ...]:
        """See `SignOutTable`."""
        asked = {
            "Keys": [{"session": {"S": key}} for key in keys],
            "ConsistentRead": True,
            "ProjectionExpression": "endedAt",
        }
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                answer = await self._client.batch_get_item(RequestItems={self._name: asked})
        except (BotoCoreError, ClientError, OSError) as error:  # A timeout is an OSError.
            _log.warning("table of sign-outs %s: %s", self._name, f"{type(error).__name__} {error}".strip())
            raise _unavailable() from error
        if answer.get("UnprocessedKeys"):
            raise _unavailable()
        return tuple(float(item["endedAt"]["N"]) for item in answer["Responses"][self._name])


@dataclass(slots=True)
class _Known:
    """What was looked up, when it was found, and when last asked for (monotonic seconds)."""

    ended: tuple[float, ...]
    found: float
    tried: float


class SignOuts:
    """Decides whether the session of a caller, whose token is verified, has ended.

    While the table does not answer, what was found counts for `grace` seconds, as for API tokens; a caller of whom
    nothing was found in this time is refused with 503, since whether the session ended is unknown.

    Args:
        table: where sign-outs are looked up.
        grace: seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self, table: SignOutTable, *, grace: float = 3600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = table
        self._clock = clock
        self._known: TimedCache[_Keys, _Known] = TimedCache(
            seconds=FRESH_SECONDS + grace, size=_CACHE_SIZE, clock=clock
        )
        self._lookups: SingleFlight[_Keys, tuple[float, ...]] = SingleFlight()

    async def check(self, caller: Caller) -> None:
        """Check that the session of a caller has not ended.

        Raises:
            TokenError: it has, or the token is older than sign-outs are kept.
            UnavailableError: the table does not answer, and nothing about the caller was found within the grace period.
        """
        keys = keys_of(caller)
        known = self._known.get(keys)
        if known is None:
            ended = await self._lookups.run(keys, lambda: self._look_up(keys))
        elif min(self._clock() - known.found - FRESH_SECONDS, self._clock() - known.tried - RETRY_SECONDS) < 0:
            ended = known.ended
        else:
            ended = await self._renewed(keys, known)
        check_signed_in(caller, ended)

    async def _renewed(self, keys: _Keys, known: _Known) -> tuple[float, ...]:
        known.tried = self._clock()
        try:
            async with asyncio.timeout(RENEWAL_SECONDS):
                return await self._lookups.run(keys, lambda: self._look_up(keys))
        except (TimeoutError, UnavailableError):
            return known.ended

    async def _look_up(self, keys: _Keys) -> tuple[float, ...]:
        """Ask the table, and remember its answer even when no request waits for it any more."""
        asked = self._clock()
        ended = await self._table.ended(keys)
        self._known.put(keys, _Known(ended, found=asked, tried=asked))
        return ended


def _unavailable() -> UnavailableError:
    return UnavailableError("Whether you are signed in cannot be checked at the moment; try again.")
