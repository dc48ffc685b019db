"""Permits: requests in flight, of all workers together.

A counter of permits counts in windows of a minute, so that the permits of a worker that was killed end with the window.
A worker writes the permits that it holds into the next window before that begins; the clocks of instances have to agree
to within `AHEAD_SECONDS`. Permits that become free stay with the worker for a moment, for its next requests.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lisa_gateway.access.counters import CounterError, Counters
from lisa_gateway.access.document import LimitKind
from lisa_gateway.access.windows import MINUTE, Window, window_of

AHEAD_SECONDS: Final = 15.0
"""How long before a window its permits are written."""

KEPT_SECONDS: Final = 1.0
"""How long a free permit stays with the worker."""


class Permits:
    """Permits of one counter.

    Args:
        counters: where they are counted.
        name: the counter's name, without its window.
        limit: permits of all workers.
        now: the time, in UNIX seconds.
    """

    __slots__ = ("_counters", "_free", "_freed", "_held", "_lock", "_name", "_written", "limit")

    def __init__(self, counters: Counters, name: str, limit: int, now: float) -> None:
        self._counters = counters
        self._name = name
        self.limit = limit
        self._held = 0
        self._free = 0
        self._freed = now
        self._lock = asyncio.Lock()
        self._written: dict[Window, int] = {}

    @property
    def is_idle(self) -> bool:
        """Whether it holds no permit and has none to write."""
        return not self._held and not self._free and not any(self._written.values())

    async def acquire(self, now: float) -> bool:
        """Take a permit; False when all are taken. Without the counters, the limit holds for this worker alone."""
        if self._free and window_of(LimitKind.CONCURRENT, now) in self._written:
            self._free -= 1
            self._held += 1
            return True
        try:
            # A request that ends while the counter is asked must not lose the permit that the counter then gives.
            taken = asyncio.ensure_future(self._take(now))
            return await asyncio.shield(taken)
        except asyncio.CancelledError:
            taken.add_done_callback(lambda done: self._undo(done, now))
            raise
        except CounterError:
            if self._held >= self.limit:
                return False
            self._held += 1
            return True

    def _undo(self, taken: asyncio.Future[bool], now: float) -> None:
        if not taken.cancelled() and taken.exception() is None and taken.result():
            self.release(now)

    async def _take(self, now: float) -> bool:
        async with self._lock:
            window = window_of(LimitKind.CONCURRENT, now)
            if window not in self._written:
                await self._write(window)
            if not self._free:
                end = window.end + MINUTE
                taken = await self._counters.take(self._key(window), limit=self.limit, least=1, most=1, end=end)
                self._written[window] += taken.units
                self._free += taken.units
                self._freed = now
            if not self._free:
                return False
            self._free -= 1
            self._held += 1
            return True

    def release(self, now: float) -> None:
        """Give a permit up."""
        self._held -= 1
        self._free += 1
        self._freed = now

    async def write(self, now: float, *, at_once: bool = False) -> None:
        """Bring the counters up to date: give back what has been free for a moment, and write the next window.

        Raises:
            CounterError: the counters cannot be asked; the next call makes up for it.
        """
        async with self._lock:
            if at_once or now - self._freed >= KEPT_SECONDS:
                self._free = 0
            window = window_of(LimitKind.CONCURRENT, now)
            for past in [known for known in self._written if known.end <= now]:
                del self._written[past]
            if self._held or self._free or window in self._written:
                await self._write(window)
            following = window_of(LimitKind.CONCURRENT, now + AHEAD_SECONDS)
            if following != window and (self._held or self._free or following in self._written):
                await self._write(following)

    async def _write(self, window: Window) -> None:
        """Have the counter of a window count what is held now."""
        units = self._held + self._free - self._written.get(window, 0)
        if units:
            await self._counters.add(self._key(window), units, end=window.end + MINUTE)
        self._written[window] = self._written.get(window, 0) + units

    def _key(self, window: Window) -> str:
        return f"{self._name}#{window.label}"
