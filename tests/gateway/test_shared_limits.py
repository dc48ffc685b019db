"""Limits that several workers share: what they admit together, and what happens without their counters."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.shared_counters import Clock, MemoryCounters
from lisa_gateway.access import counters as counters_module
from lisa_gateway.access.counters import CounterError, DynamoCounters
from lisa_gateway.access.document import LimitKind, Rule
from lisa_gateway.access.leases import BUDGET_SHARE
from lisa_gateway.access.limiter import Limiter, Reservation
from lisa_gateway.access.permits import AHEAD_SECONDS
from lisa_gateway.access.refusals import BudgetUnknownError, LimitExceededError

WORKERS = 4
QUICK = settings(max_examples=60, deadline=None)
REQUESTS, TOKENS = LimitKind.REQUESTS, LimitKind.TOKENS
DAY, CONCURRENT = LimitKind.DAILY_TOKENS, LimitKind.CONCURRENT

Step = tuple[int, int, float]


class Fleet:
    """Workers with the same counters and clock."""

    def __init__(self, *rules: Rule) -> None:
        self.counters = MemoryCounters()
        self.clock = Clock()
        self.workers = [Limiter(self.counters, clock=self.clock) for _ in range(WORKERS)]
        self.rules = rules

    async def reserve(self, worker: int, tokens: int = 1) -> Reservation | None:
        """A reservation; None when a limit is reached."""
        try:
            return await self.workers[worker].reserve("someone", self.rules, tokens)
        except LimitExceededError:
            return None

    def used(self, kind: str) -> int:
        """What the newest counter of a kind has."""
        return next((used for key, used in reversed(self.counters.used.items()) if f"#{kind}#" in key), 0)


def run(test: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(test())  # type: ignore[arg-type]


@QUICK
@given(
    limit=st.integers(1, 60),
    steps=st.lists(st.tuples(st.integers(0, WORKERS - 1), st.integers(1, 12), st.sampled_from([0.0, 0.3, 20.0]))),
)
def test_workers_together_admit_at_most_the_limit_in_a_minute(limit: int, steps: list[Step]) -> None:
    async def test() -> None:
        fleet, admitted = Fleet(Rule(REQUESTS, limit)), Counter[int]()
        for worker, requests, seconds in steps:
            fleet.clock.now += seconds
            found = await asyncio.gather(*(fleet.reserve((worker + n) % WORKERS) for n in range(requests)))
            admitted[int(fleet.clock.now // 60)] += sum(one is not None for one in found)
            assert max(admitted.values()) <= limit

    run(test)


def test_the_budget_that_is_used_most_is_reported() -> None:
    async def test() -> None:
        rules = (Rule(REQUESTS, 100), Rule(DAY, 1000, "team"), Rule(DAY, 2000))
        fleet = Fleet(*rules)
        worker = fleet.workers[0]
        assert worker.budget_used("someone", rules[:1]) is None
        reservation = await worker.reserve("someone", rules, 1)
        worker.settle(reservation, 850)
        assert worker.budget_used("someone", rules) == ("team", 85.0)
        assert await fleet.reserve(0, 500) is None
        assert worker.budget_used("someone", rules) == ("team", 85.0)

    run(test)


def test_all_of_a_limit_can_be_used_but_what_other_workers_hold() -> None:
    async def test() -> None:
        fleet = Fleet(Rule(REQUESTS, 800))
        assert await fleet.reserve(1) is not None  # Worker 1 holds an eighth of 800 from now on.
        admitted = [await fleet.reserve(0) for _ in range(900)]
        assert sum(one is not None for one in admitted) == 800 - 100
        assert fleet.counters.asked < 60  # Admission is from memory; a used-up window is not asked about again.
        fleet.clock.now += 60
        assert await fleet.reserve(0) is not None

    run(test)


@QUICK
@given(
    limit=st.integers(10, 2000),
    requests=st.lists(
        st.tuples(st.integers(0, WORKERS - 1), st.integers(1, 50), st.integers(0, 400)), min_size=1, max_size=40
    ),
)
def test_budget_is_overspent_by_requests_in_flight_at_most(limit: int, requests: list[tuple[int, int, int]]) -> None:
    async def test() -> None:
        fleet = Fleet(Rule(DAY, limit))
        in_flight: list[tuple[int, Reservation, int, int]] = []
        spent = excess_since_reached = 0
        for worker, reserved, actual in requests:
            if (found := await fleet.reserve(worker, reserved)) is not None:
                in_flight.append((worker, found, min(reserved, limit), actual))
            if len(in_flight) >= 3:
                done, reservation, units, used = in_flight.pop(0)
                if fleet.used(DAY) >= limit:
                    excess_since_reached += max(0, used - units)
                fleet.workers[done].settle(reservation, used)
                spent += used
                await fleet.workers[done].write()
            assert spent + sum(units for *_, units, _ in in_flight) <= max(limit, fleet.used(DAY))
        # What was charged in the end is what was used, and leases give back what they have left.
        for done, reservation, units, used in in_flight:
            if fleet.used(DAY) >= limit:
                excess_since_reached += max(0, used - units)
            fleet.workers[done].settle(reservation, used)
            spent += used
            await fleet.workers[done].write()
        for limiter in fleet.workers:
            await limiter.write(at_once=True)
        assert fleet.used(DAY) == spent
        last = max((max(0, used - reserved) for _, reserved, used in requests), default=0)
        assert spent <= limit + excess_since_reached + last

    run(test)


@QUICK
@given(
    limit=st.integers(1, 6),
    start=st.floats(0, 59),
    steps=st.lists(st.tuples(st.integers(0, WORKERS - 1), st.booleans(), st.floats(0.1, 4)), max_size=60),
)
def test_no_more_requests_are_in_flight_than_permitted(
    limit: int, start: float, steps: list[tuple[int, bool, float]]
) -> None:
    async def test() -> None:
        fleet = Fleet(Rule(CONCURRENT, limit))
        fleet.clock.now += start
        in_flight: list[tuple[int, Reservation]] = []
        for worker, arrives, seconds in steps:
            if arrives:
                if (found := await fleet.reserve(worker)) is not None:
                    in_flight.append((worker, found))
            elif in_flight:
                done, reservation = in_flight.pop(0)
                fleet.workers[done].settle(reservation, 0)
            assert len(in_flight) <= limit
            for _ in range(int(seconds) + 1):  # Workers write once a second, on both sides of a window's end.
                fleet.clock.now += seconds / (int(seconds) + 1)
                for limiter in fleet.workers:
                    await limiter.write()
        for done, reservation in in_flight:
            fleet.workers[done].settle(reservation, 0)
        fleet.clock.now += 2
        for limiter in fleet.workers:
            await limiter.write()
        # Permits that have become free can be used by any worker.
        assert None not in [await fleet.reserve(0) for _ in range(limit)]
        assert await fleet.reserve(1) is None

    run(test)


def test_killed_worker_keeps_permits_for_a_minute_and_a_lease_of_a_budget_for_good() -> None:
    async def test() -> None:
        fleet = Fleet(Rule(DAY, 10_000), Rule(CONCURRENT, 2))
        assert None not in [await fleet.reserve(0, 10) for _ in range(2)]
        await fleet.workers[0].write()
        fleet.workers.pop(0)  # It is killed: nothing is given back.
        assert await fleet.reserve(0, 10) is None
        fleet.clock.now += 60 + AHEAD_SECONDS
        assert await fleet.reserve(0, 10) is not None
        await fleet.workers[0].write(at_once=True)
        assert fleet.used(DAY) <= 20 + 10_000 // BUDGET_SHARE + 10

    run(test)


def test_without_counters_rates_hold_in_each_worker_and_budgets_are_closed() -> None:
    async def test() -> None:
        fleet = Fleet(Rule(REQUESTS, 5), Rule(CONCURRENT, 3))
        fleet.counters.is_silent = True
        held = [await fleet.reserve(0) for _ in range(4)]
        assert [one is not None for one in held] == [True, True, True, False]
        for one in held[:3]:
            fleet.workers[0].settle(one, 0)  # type: ignore[arg-type]
        await fleet.workers[0].write()  # Fails, and is made up for.
        again = [await fleet.reserve(0) for _ in range(4)]
        assert sum(one is not None for one in again) == 2  # Of five requests a minute.
        assert await fleet.reserve(1) is not None
        closed = Fleet(Rule(DAY, 2000))
        assert await closed.reserve(0, 5) is not None
        closed.counters.is_silent = True
        assert await closed.reserve(0, 5) is not None  # From the lease.
        with pytest.raises(BudgetUnknownError):
            await closed.reserve(0, 5)
        closed.counters.is_silent = False
        assert await closed.reserve(0, 5) is not None

    run(test)


def test_refused_request_reserves_nothing() -> None:
    async def test() -> None:
        fleet = Fleet(Rule(DAY, 1000), Rule(REQUESTS, 10), Rule(CONCURRENT, 1))
        first = await fleet.reserve(0, 100)
        assert first is not None
        assert [await fleet.reserve(0, 100) for _ in range(20)] == [None] * 20
        fleet.workers[0].settle(first, 70)
        await fleet.workers[0].write(at_once=True)
        assert (fleet.used(DAY), fleet.used(REQUESTS)) == (70, 1)

    run(test)


def test_requests_of_a_worker_at_the_same_time_are_all_admitted_up_to_the_limit() -> None:
    async def test() -> None:
        fleet = Fleet(Rule(REQUESTS, 20), Rule(CONCURRENT, 20))
        found = await asyncio.gather(*(fleet.reserve(0) for _ in range(30)))
        assert sum(one is not None for one in found) == 20

    run(test)


def test_cancelled_request_loses_no_lease() -> None:
    async def test() -> None:
        fleet = Fleet(Rule(REQUESTS, 80), Rule(CONCURRENT, 1))
        for rounds in range(6):  # Cancelled at each of the points where it waits.
            waiting = asyncio.ensure_future(fleet.reserve(0))
            for _ in range(rounds):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await asyncio.sleep(0.01)
            if not waiting.cancelled():
                fleet.workers[0].settle(waiting.result(), 0, is_admitted=False)  # type: ignore[arg-type]
        assert await fleet.reserve(0) is not None
        await fleet.workers[0].write(at_once=True)
        assert fleet.used(REQUESTS) == 1

    run(test)


def test_refusal_says_when_and_which_limit() -> None:
    async def test() -> None:
        fleet = Fleet(Rule(TOKENS, 100), Rule(REQUESTS, 2, "science"))
        fleet.clock.now = 1_800_000_000.0 + 18  # 18 s into a minute.
        found = await fleet.reserve(0, 30)
        assert found is not None
        headers = {name.decode(): value.decode() for name, value in found.headers}
        assert headers == {
            "x-ratelimit-limit-requests": "2",
            "x-ratelimit-remaining-requests": "1",
            "x-ratelimit-reset-requests": "42s",
            "x-ratelimit-limit-tokens": "100",
            "x-ratelimit-remaining-tokens": "70",
            "x-ratelimit-reset-tokens": "42s",
        }
        with pytest.raises(LimitExceededError, match=r"100 tokens per minute, which is reached\. Try again in 42"):
            await fleet.workers[0].reserve("someone", fleet.rules, 90)
        await fleet.reserve(0, 1)
        with pytest.raises(LimitExceededError, match="All callers of your group together") as refused:
            await fleet.workers[0].reserve("another", fleet.rules, 1)
        assert refused.value.headers["Retry-After"] == "42"
        assert "x-should-retry" not in refused.value.headers
        with pytest.raises(LimitExceededError, match="budget") as spent:
            await fleet.workers[0].reserve("x", (Rule(DAY, 1), Rule(DAY, 1)), 1)
        assert (spent.value.code, spent.value.headers["x-should-retry"]) == ("insufficient_quota", "false")

    run(test)


class SlowTable:
    """A client of DynamoDB whose answers take long."""

    def __init__(self) -> None:
        self.asked = 0

    async def update_item(self, **_: Any) -> Any:
        self.asked += 1
        await asyncio.sleep(3600)


def test_slow_table_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters_module, "CALL_SECONDS", 0.05)

    async def test() -> None:
        table, clock = SlowTable(), Clock(0.0)
        counters = DynamoCounters(table, "limits", clock=clock)
        for _ in range(3):
            with pytest.raises(CounterError):
                await counters.take("key", limit=1, least=1, most=1, end=1.0)
        assert table.asked == 1
        clock.now += counters_module.PAUSE_SECONDS
        with pytest.raises(CounterError):
            await counters.add("key", 1, end=1.0)
        assert table.asked == 2

    run(test)
