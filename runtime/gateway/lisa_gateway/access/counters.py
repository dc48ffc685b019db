"""Counters that all workers and instances share: items of a DynamoDB table."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

CALL_SECONDS = 1.0
"""How long a request waits for a counter; then it goes on as if the table did not answer."""

PAUSE_SECONDS = 2.0
"""How long the table is not asked again after it has not answered, so that only the first request waits."""

_KEPT_SECONDS = 86_400
"""How long a counter is kept after its window, for whoever looks into the table."""

_ROUNDS = 4  # Each fails only when other workers took units in between.

_log = logging.getLogger(__name__)


class CounterError(Exception):
    """The counters cannot be asked at the moment."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a counter gave.

    Attributes:
        units: units that were taken; 0 when there were not enough.
        used: units that all workers have taken in the window, these among them.
    """

    units: int
    used: int


class Counters(Protocol):
    """Where units are counted."""

    async def take(self, key: str, *, limit: int, least: int, most: int, end: float) -> Taken:
        """Take units of a counter, so that all that is taken is at most the limit.

        Args:
            key: the counter's key, with its window.
            limit: units of the window.
            least: units without which none are taken.
            most: units at most.
            end: when the window ends, in UNIX seconds.

        Raises:
            CounterError: the counter cannot be asked.
        """

    async def add(self, key: str, units: int, *, end: float) -> int:
        """Add units to a counter, whatever its limit, or give them back when they are negative; returns what is used.

        Raises:
            CounterError: the counter cannot be asked.
        """


class DynamoCounters:
    """Counters in a table with the key `counter`; each is one item, changed by conditional updates.

    Args:
        client: an aiobotocore client of DynamoDB.
        table: name of the table.
        clock: monotonic seconds.
    """

    def __init__(self, client: Any, table: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._paused_until = 0.0

    async def take(self, key: str, *, limit: int, least: int, most: int, end: float) -> Taken:
        """See `Counters`."""
        units = min(most, limit)
        used = 0
        for _ in range(_ROUNDS):
            try:
                return Taken(units, await self._add(key, units, end, most_before=limit - units))
            except _FullError as full:
                used = full.used
                units = min(most, limit - used)
                if units < least:
                    break
        return Taken(0, used)

    async def add(self, key: str, units: int, *, end: float) -> int:
        """See `Counters`."""
        return await self._add(key, units, end)

    async def _add(self, key: str, units: int, end: float, most_before: int | None = None) -> int:
        if self._clock() < self._paused_until:
            raise CounterError
        condition: dict[str, Any] = {}
        values = {":units": {"N": str(units)}, ":end": {"N": str(int(end) + _KEPT_SECONDS)}}
        if most_before is not None:
            values[":before"] = {"N": str(most_before)}
            condition = {
                "ConditionExpression": "attribute_not_exists(used) OR used <= :before",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        try:
            async with asyncio.timeout(CALL_SECONDS):
                answer = await self._client.update_item(
                    TableName=self._table,
                    Key={"counter": {"S": key}},
                    UpdateExpression="SET expiresAt = if_not_exists(expiresAt, :end) ADD used :units",
                    ExpressionAttributeValues=values,
                    ReturnValues="UPDATED_NEW",
                    **condition,
                )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                item: Any = error.response.get("Item") or {}
                raise _FullError(int(item.get("used", {}).get("N", "0"))) from None
            raise self._failed(error) from error
        except (BotoCoreError, OSError, TimeoutError) as error:
            raise self._failed(error) from error
        return int(answer["Attributes"]["used"]["N"])

    def _failed(self, error: Exception) -> CounterError:
        self._paused_until = self._clock() + PAUSE_SECONDS
        _log.warning("counter table %s: %s %s", self._table, type(error).__name__, error)
        return CounterError()


class _FullError(Exception):
    """The units are not there any more."""

    def __init__(self, used: int) -> None:
        super().__init__()
        self.used = used
