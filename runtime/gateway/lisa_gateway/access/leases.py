"""Leases: the units of a counter that a worker may use without asking.

A worker takes a share of what is left of a window with one conditional update, and uses it up from memory. The sum of
all leases is at most the limit, so that together the workers never admit more. They can admit less: what one worker has
leased and not used is not there for the others.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lisa_gateway.access.counters import CounterError, Counters
from lisa_gateway.access.document import LimitKind
from lisa_gateway.access.windows import Window, window_of

SHARE: Final = 8
"""A lease is this part of what is left of a window: what a worker holds unused is at most so much."""

BUDGET_SHARE: Final = 200
"""A lease of a budget is at most this part of it, which is lost when a worker is killed."""

ASK_AGAIN_SECONDS: Final = 1.0
"""How long a window that was used up is taken to be; units come back when others give back what they reserved."""

IDLE_SECONDS: Final = 30.0
"""After how long without a request what is left of a budget's lease is given back."""


class Lease:
    """Units of one counter.

    Args:
        counters: where they are counted.
        name: the counter's name, without its window.
        kind: what it counts.
        limit: units of a window.
        now: the time, in UNIX seconds.

    Attributes:
        limit: see the argument.
        users: requests that have reserved units and are not settled.
    """

    __slots__ = (
        *("_balance", "_counters", "_debt", "_full_until", "_granted", "_kind", "_lock", "_name", "_touched", "_used"),
        *("_window", "limit", "users"),
    )

    def __init__(self, counters: Counters, name: str, kind: LimitKind, limit: int, now: float) -> None:
        self._counters = counters
        self._name = name
        self._kind = kind
        self.limit = limit
        self._lock = asyncio.Lock()
        self.users = 0
        self._touched = now
        self._debt: dict[Window, int] = {}
        self._begin(window_of(kind, now))

    def _begin(self, window: Window) -> None:
        self._window = window
        self._balance = 0
        self._granted = 0
        self._used = 0
        self._full_until = 0.0

    def roll(self, now: float) -> None:
        """Go on to the window of a time; what is left of the one before is not used."""
        if now >= self._window.end:
            self._begin(window_of(self._kind, now))

    @property
    def end(self) -> float:
        """When the window ends, in UNIX seconds."""
        return self._window.end

    @property
    def remaining(self) -> int:
        """Units that are left of the window, as far as this worker knows."""
        return min(self.limit, max(0, self.limit - self._used + self._balance))

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it has to be written or kept."""
        return not self._debt and not self.users and self._balance <= 0

    def try_reserve(self, units: int, now: float) -> bool:
        """Use units of the lease, if it has them."""
        self.roll(now)
        self._touched = now
        if self._balance < units:
            return False
        self._balance -= units
        return True

    async def reserve(self, units: int, now: float) -> bool:
        """Use units, of a new lease if need be; False when the window does not have them.

        Raises:
            CounterError: the counter of a budget cannot be asked: what is spent cannot be taken back. The limit of a
                rate holds for this worker alone then.
        """
        if self.try_reserve(units, now):
            return True
        if now < self._full_until and units > self.limit - self._used:
            return False
        # A request that ends while the counter is asked must not lose what the counter then gives.
        extended = asyncio.ensure_future(self._extend(units, now))
        try:
            return await asyncio.shield(extended)
        except asyncio.CancelledError:
            extended.add_done_callback(lambda done: self._undo(done, units))
            raise

    async def _extend(self, units: int, now: float) -> bool:
        # The units are used before another request of this worker can have them.
        async with self._lock:
            window = self._window
            if self._balance < units:
                await self._take(units - self._balance, now)
            if self._balance < units and self._window is not window:
                # The window ended while the counter was asked.
                await self._take(units - self._balance, now)
            return self.try_reserve(units, now)

    def _undo(self, extended: asyncio.Future[bool], units: int) -> None:
        if not extended.cancelled() and extended.exception() is None and extended.result():
            self._balance += units

    async def _take(self, least: int, now: float) -> None:
        window = self._window
        share = max(1, (self.limit - self._used) // SHARE)
        if self._kind.is_budget:
            share = min(share, max(1, self.limit // BUDGET_SHARE))
        try:
            taken = await self._counters.take(
                f"{self._name}#{window.label}",
                limit=self.limit,
                least=least,
                most=max(least, share),
                end=window.end,
            )
        except CounterError:
            if self._kind.is_budget:
                raise
            taken_alone = max(0, self.limit - self._granted)
            self._granted += taken_alone
            self._balance += taken_alone
            return
        if window is not self._window:
            return  # The window ended while the counter was asked.
        self._used = taken.used
        self._granted += taken.units
        self._balance += taken.units
        self._full_until = 0.0 if taken.units else now + ASK_AGAIN_SECONDS

    def settle(self, units: int, reserved: float, now: float) -> None:
        """Charge units beside those that were reserved, or give some back when they are negative.

        What the lease does not have is a debt, which `write` adds to the counter whatever its limit. What was reserved
        in an earlier window is not given back to this one.

        Args:
            units: units.
            reserved: when the others were reserved, in UNIX seconds.
            now: the time, likewise.
        """
        self.roll(now)
        if units < 0 and window_of(self._kind, reserved) != self._window:
            return
        self._balance -= units
        if self._balance < 0:
            self._debt[self._window] = self._debt.get(self._window, 0) - self._balance
            self._used -= self._balance
            self._balance = 0

    @property
    def has_debt(self) -> bool:
        """Whether `write` has something to add."""
        return bool(self._debt)

    async def write(self) -> None:
        """Add the debt to the counter; it is kept when that fails."""
        for window in list(self._debt):
            units = self._debt.pop(window)
            try:
                used = await self._counters.add(f"{self._name}#{window.label}", units, end=window.end)
            except (CounterError, asyncio.CancelledError):
                self._debt[window] = self._debt.get(window, 0) + units
                raise
            if window is self._window:
                self._used = used

    async def give_back(self, now: float, *, at_once: bool = False) -> None:
        """Give back what a budget's lease has left, when no request has come for some time or at once."""
        self.roll(now)
        if self._balance <= 0 or not (at_once or (self._kind.is_budget and now - self._touched >= IDLE_SECONDS)):
            return
        units, self._balance = self._balance, 0
        window = self._window
        try:
            used = await self._counters.add(f"{self._name}#{window.label}", -units, end=window.end)
        except (CounterError, asyncio.CancelledError):
            if window is self._window:
                self._balance += units
            raise
        if window is self._window:
            self._used = used
            self._granted -= units
