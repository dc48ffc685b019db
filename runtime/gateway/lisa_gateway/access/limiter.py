"""Limits that all workers and instances share. See docs/decisions/0061-access-and-limits.md."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from lisa_gateway.access.counters import CounterError, Counters
from lisa_gateway.access.document import LimitKind, Rule
from lisa_gateway.access.leases import Lease
from lisa_gateway.access.permits import Permits
from lisa_gateway.access.refusals import BudgetUnknownError, Headers, LimitExceededError, rate_headers

WRITE_SECONDS: Final = 1.0
"""How often what is owed and what is free is written."""

_SWEEP_ROUNDS: Final = 30
_RATES: Final = ((LimitKind.REQUESTS, "requests"), (LimitKind.TOKENS, "tokens"))

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reservation:
    """What a request has reserved, until it is settled.

    Attributes:
        at: when, in UNIX seconds.
        tokens: the tokens that were reserved for it, of each lease.
        requests: leases of requests.
        permits: its permits.
        headers: `x-ratelimit-*` headers of its answer.
    """

    at: float
    tokens: list[tuple[Lease, int]] = field(default_factory=list)
    requests: list[Lease] = field(default_factory=list)
    permits: list[Permits] = field(default_factory=list)
    headers: Headers = field(default_factory=list)


class Limiter:
    """Admits requests within limits.

    Args:
        counters: what all workers count in.
        clock: UNIX seconds.
    """

    def __init__(self, counters: Counters, *, clock: Callable[[], float] = time.time) -> None:
        self._counters = counters
        self._clock = clock
        self._leases: dict[tuple[str, LimitKind], Lease] = {}
        self._permits: dict[str, Permits] = {}
        self._writes: set[asyncio.Task[None]] = set()

    async def reserve(self, caller: str, rules: tuple[Rule, ...], tokens: int) -> Reservation:
        """Reserve a request, and tokens for it.

        Args:
            caller: whose limits count for the caller alone.
            rules: the limits.
            tokens: what the request will use at least, as far as it is known.

        Raises:
            LimitExceededError: a limit is reached; nothing is reserved then.
            BudgetUnknownError: there is a budget, and what is left of it is not known.
        """
        now = self._clock()
        found = Reservation(now)
        try:
            await self._reserve_all(found, rules, caller, tokens, now)
        except CounterError:
            self.settle(found, 0, is_admitted=False)
            raise BudgetUnknownError from None
        except BaseException:
            self.settle(found, 0, is_admitted=False)
            raise
        found.headers = self._headers(rules, caller, now)
        return found

    async def _reserve_all(
        self, found: Reservation, rules: tuple[Rule, ...], caller: str, tokens: int, now: float
    ) -> None:
        for rule in rules:
            name = _name(rule, caller)
            if not await self._reserve(found, rule, name, tokens, now):
                end = now if rule.kind is LimitKind.CONCURRENT else self._lease(name, rule, now).end
                raise LimitExceededError(rule, end=end, now=now, headers=self._headers(rules, caller, now))

    async def _reserve(self, found: Reservation, rule: Rule, name: str, tokens: int, now: float) -> bool:
        if rule.kind is LimitKind.CONCURRENT:
            permits = self._permits.get(name)
            if permits is None:
                permits = self._permits[name] = Permits(self._counters, name + "#concurrent", rule.limit, now)
            permits.limit = rule.limit
            if await permits.acquire(now):
                found.permits.append(permits)
                return True
            return False
        lease = self._lease(name, rule, now)
        units = min(tokens, rule.limit) if rule.kind.counts_tokens else 1
        if not (lease.try_reserve(units, now) or await lease.reserve(units, now)):
            return False
        lease.users += 1
        if rule.kind.counts_tokens:
            found.tokens.append((lease, units))
        else:
            found.requests.append(lease)
        return True

    def _lease(self, name: str, rule: Rule, now: float) -> Lease:
        lease = self._leases.get((name, rule.kind))
        if lease is None:
            lease = Lease(self._counters, f"{name}#{rule.kind}", rule.kind, rule.limit, now)
            self._leases[name, rule.kind] = lease
        lease.limit = rule.limit
        return lease

    def settle(self, reservation: Reservation, tokens: int, *, is_admitted: bool = True) -> None:
        """Charge what a request has used in place of what was reserved for it.

        Args:
            reservation: what was reserved; it must not be used again.
            tokens: what the request has used.
            is_admitted: whether the request counts as one.
        """
        now = self._clock()
        for lease, reserved in reservation.tokens:
            lease.users -= 1
            lease.settle(tokens - reserved, reservation.at, now)
        for lease in reservation.requests:
            lease.users -= 1
            lease.settle(0 if is_admitted else -1, reservation.at, now)
        for permits in reservation.permits:
            permits.release(now)
        owing = [lease for lease, _ in reservation.tokens if lease.has_debt]
        if owing:
            # At once, so that other workers learn soon of what was spent.
            task = asyncio.ensure_future(_write_all(owing))
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)

    def _headers(self, rules: tuple[Rule, ...], caller: str, now: float) -> Headers:
        headers: Headers = []
        for kind, words in _RATES:
            leases = [self._lease(_name(rule, caller), rule, now) for rule in rules if rule.kind is kind]
            if leases:
                tightest = min(leases, key=lambda lease: lease.remaining)
                headers += rate_headers(words, tightest.limit, tightest.remaining, tightest.end, now)
        return headers

    def budget_used(self, caller: str, rules: tuple[Rule, ...]) -> tuple[str, float] | None:
        """The budget that is used most, as far as this worker knows.

        Args:
            caller: whose limits count for the caller alone.
            rules: the limits.

        Returns:
            Its group, or `each caller`, and the percentage used; None without a budget.
        """
        now = self._clock()
        found = [
            (
                100 * (1 - self._lease(_name(rule, caller), rule, now).remaining / rule.limit),
                rule.group or "each caller",
            )
            for rule in rules
            if rule.kind.is_budget
        ]
        if not found:
            return None
        percent, group = max(found)
        return group, percent

    async def run(self) -> None:
        """Write what is owed, and give back what is not used, until this is cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()
            rounds += 1
            if rounds % _SWEEP_ROUNDS == 0:
                self._sweep()

    async def write(self, *, at_once: bool = False) -> None:
        """Write what is owed, and give back what has not been used for some time, or at once when the worker ends."""
        # What is being written has to be there before a worker ends.
        await asyncio.gather(*self._writes)
        now = self._clock()
        try:
            for permits in list(self._permits.values()):
                await permits.write(now, at_once=at_once)
            for lease in list(self._leases.values()):
                await lease.write()
                await lease.give_back(now, at_once=at_once)
        except CounterError:
            pass  # What was not written is still there for the next time.

    def _sweep(self) -> None:
        """Forget what nothing has to be known of any more."""
        now = self._clock()
        for key, lease in list(self._leases.items()):
            lease.roll(now)
            if lease.is_idle:
                del self._leases[key]
        for name, permits in list(self._permits.items()):
            if permits.is_idle:
                del self._permits[name]


def _name(rule: Rule, caller: str) -> str:
    return f"caller#{caller}" if rule.group is None else f"group#{rule.group}"


async def _write_all(leases: list[Lease]) -> None:
    try:
        for lease in leases:
            await lease.write()
    except CounterError:
        pass  # `Limiter.run` tries again.
