"""Counters in memory, for many workers of one process."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from lisa_gateway.access.counters import CounterError, Taken


class MemoryCounters:
    """Counters as `Counters` describes them, which can stop answering.

    Attributes:
        used: what has been taken, by key.
        is_silent: whether they answer nothing.
        asked: how often they were asked.
    """

    def __init__(self) -> None:
        self.used: dict[str, int] = defaultdict(int)
        self.is_silent = False
        self.asked = 0

    async def take(self, key: str, *, limit: int, least: int, most: int, end: float) -> Taken:  # noqa: ARG002
        await self._ask()
        units = min(most, limit - self.used[key])
        if units < least:
            return Taken(0, self.used[key])
        self.used[key] += units
        return Taken(units, self.used[key])

    async def add(self, key: str, units: int, *, end: float) -> int:  # noqa: ARG002
        await self._ask()
        self.used[key] += units
        return self.used[key]

    async def _ask(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)  # Other workers get their turn.
        if self.is_silent:
            raise CounterError


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
