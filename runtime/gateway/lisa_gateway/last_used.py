"""When API tokens were last used, written to the token table in the background."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from lisa_gateway.timed_cache import TimedCache

if TYPE_CHECKING:
    from lisa_gateway.token_table import TokenRecord

INTERVAL_SECONDS = 3600
"""How often the time of one token is written, at most."""

WRITE_SECONDS = 10.0
"""How long a write may take in all, with its wait for the ones before it."""

_CONNECTIONS = 4
"""Writes at a time; the other connections are left for look-ups."""

_MOST_WAITING = 1000
_CACHE_SIZE = 10_000

_log = logging.getLogger(__name__)


class Writable(Protocol):
    """A table that takes the time of a token's last use."""

    async def set_last_used(self, key: str, at: int, *, unless_after: int) -> None:
        """Set it, unless a later time than `unless_after` is there."""


class LastUsed:
    """Writes when a token was last used, at most once an hour; no request waits for it, and none fails with it.

    Args:
        table: where it is written.
        clock: monotonic seconds.
        now: UNIX seconds.
    """

    def __init__(
        self, table: Writable, *, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._now = now
        self._noted: TimedCache[str, bool] = TimedCache(seconds=INTERVAL_SECONDS, size=_CACHE_SIZE, clock=clock)
        self._places = asyncio.Semaphore(_CONNECTIONS)
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, record: TokenRecord) -> None:
        """Note that a token is used now."""
        key = record.stored_key
        if not key or self._noted.get(key):
            return
        now = self._now()
        if now - record.last_used < INTERVAL_SECONDS or len(self._tasks) >= _MOST_WAITING:
            return
        self._noted.put(key, True)
        task = asyncio.get_running_loop().create_task(self._write(key, record.token_id, int(now)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End the writes that are under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write(self, key: str, token_id: str, now: int) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS), self._places:
                await self._table.set_last_used(key, now, unless_after=now - INTERVAL_SECONDS)
        # The boundary of a task that nothing waits for: any error is one line in the log.
        except Exception as error:
            _log.warning("the last use of token %s is not stored: %s", token_id, type(error).__name__)
