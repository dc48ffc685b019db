"""What is remembered of API tokens, and for how long, whatever the table answers."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable

import pytest

from gateway.stub_token_tables import SilentTable, Table
from lisa_gateway import api_tokens
from lisa_gateway.api_tokens import ApiTokens
from lisa_gateway.token_table import TokenTableError
from lisa_tokens import new_token, stored_key
from oidc.issuer import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_removal_takes_effect_within_60_seconds() -> None:
    table, clock = Table(a=math.inf), Clock()
    tokens = ApiTokens(table, clock=clock)
    assert await tokens.find("a")
    table.tokens.clear()
    clock.now += 44
    assert await tokens.find("a")
    clock.now += 2
    assert not await tokens.find("a")


async def test_an_expiration_takes_effect_at_once() -> None:
    now = [100.0]
    tokens = ApiTokens(Table(a=110.0), clock=Clock(), now=lambda: now[0])
    assert await tokens.find("a")
    now[0] = 110.0
    assert not await tokens.find("a")


async def test_an_unknown_token_is_looked_for_again_after_5_seconds() -> None:
    table, clock = Table(), Clock()
    tokens = ApiTokens(table, clock=clock)
    assert not any([await tokens.find("a") for _ in range(5)])
    assert table.asked == 1
    table.tokens["a"] = math.inf
    clock.now += 5
    assert await tokens.find("a")


async def test_all_who_come_at_once_share_one_lookup() -> None:
    table = Table(a=math.inf)
    table.delay = 0.05
    tokens = ApiTokens(table)
    assert all(await asyncio.gather(*(tokens.find("a") for _ in range(20))))
    assert table.asked == 1


async def test_a_failure_is_not_remembered() -> None:
    table = Table(a=math.inf)
    table.failure = TokenTableError("down")
    tokens = ApiTokens(table)
    with pytest.raises(TokenTableError):
        await tokens.find("a")
    table.failure = None
    assert await tokens.find("a")


async def test_a_known_token_counts_while_the_table_is_down() -> None:
    table = Table(a=math.inf)
    tokens = ApiTokens(table)
    await tokens.find("a")
    table.failure = TokenTableError("down")
    assert await tokens.find("a")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look-ups that are given up sooner."""
    monkeypatch.setattr(api_tokens, "RENEWAL_SECONDS", 0.05)
    monkeypatch.setattr(api_tokens, "LOOKUP_SECONDS", 1.0)


async def test_a_token_that_was_good_counts_for_the_grace_period_while_the_table_hangs(hurried: None) -> None:
    table, clock = SilentTable(a=math.inf), Clock()
    tokens = ApiTokens(table, grace=600, clock=clock)
    assert await tokens.find("a")
    table.silent.set()
    clock.now += 60
    assert await tokens.find("a")
    began = asyncio.get_running_loop().time()
    for _ in range(100):
        assert await tokens.find("a")
    # Only the first request of some seconds waits.
    assert asyncio.get_running_loop().time() - began < 0.5
    clock.now += 584
    assert await tokens.find("a")
    clock.now += 2
    with pytest.raises(TokenTableError):
        await tokens.find("a")


async def test_a_removal_takes_effect_when_the_table_answers_again(hurried: None) -> None:
    table, clock = SilentTable(a=math.inf), Clock()
    tokens = ApiTokens(table, grace=600, clock=clock)
    assert await tokens.find("a")
    table.failure = TokenTableError("down")
    clock.now += 60
    assert await tokens.find("a")
    table.failure = None
    table.tokens.clear()
    clock.now += 6
    assert not await tokens.find("a")


async def test_a_slow_answer_counts_for_the_requests_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_tokens, "RENEWAL_SECONDS", 0.05)
    table, clock = Table(a=math.inf), Clock()
    tokens = ApiTokens(table, grace=600, clock=clock)
    assert await tokens.find("a")
    table.tokens.clear()
    table.delay = 1.0
    clock.now += 46
    assert await tokens.find("a")
    async with asyncio.timeout(10):
        while await tokens.find("a"):
            await asyncio.sleep(0.1)
    assert table.asked == 2


async def test_a_token_that_has_expired_has_no_grace_period(hurried: None) -> None:
    now, clock = [100.0], Clock()
    table = SilentTable(a=150.0)
    tokens = ApiTokens(table, grace=600, clock=clock, now=lambda: now[0])
    assert await tokens.find("a")
    table.silent.set()
    clock.now += 51
    now[0] += 51
    assert not await tokens.find("a")


async def test_a_flood_of_unknown_tokens_while_the_table_hangs(hurried: None) -> None:
    table, clock = SilentTable(a=math.inf), Clock()
    tokens = ApiTokens(table, grace=600, clock=clock)
    assert await tokens.find("a")
    table.silent.set()
    clock.now += 60
    flood = [asyncio.create_task(tokens.find(f"unknown-{number}")) for number in range(3000)]
    for _ in range(10):
        await asyncio.sleep(0)
        assert table.waiting <= 40
    assert len([task for task in flood if task.done()]) >= 2000
    assert await tokens.find("a")
    results = await asyncio.wait_for(asyncio.gather(*flood, return_exceptions=True), 5)
    assert {type(result) for result in results} == {TokenTableError}
    # The known token's own look-up is given up later.
    assert table.waiting <= 1
    table.silent.clear()
    assert not await tokens.find("unknown-1")


async def test_a_flood_of_unknown_tokens_does_not_push_out_known_ones() -> None:
    table = Table(a=math.inf)
    tokens = ApiTokens(table)
    await tokens.find("a")
    for number in range(10_050):
        await tokens.find(f"unknown-{number}")
    asked = table.asked
    assert await tokens.find("a")
    assert table.asked == asked


async def test_key_is_a_digest_of_the_token_alone() -> None:
    tokens = ApiTokens(Table(a=math.inf), clock=Clock())
    found = await tokens.find("a")
    assert found is not None
    assert found.key == hashlib.sha256(b"token:a").digest()


LONGEST = "ä" * 1024
KEYS = [("", False), ("a", True), (LONGEST, True), (f"{LONGEST}a", False)]


@pytest.mark.parametrize(("token", "is_asked"), KEYS, ids=["empty", "one byte", "2048 bytes", "2049 bytes"])
async def test_only_what_can_be_a_key_is_looked_up(token: str, is_asked: bool) -> None:
    table = Table(**{token: math.inf})
    assert (await ApiTokens(table).find(token) is not None) is is_asked
    assert table.asked == is_asked


@pytest.mark.parametrize(("seconds", "asked"), [(44.9, 1), (45.0, 2), (46.0, 2)])
async def test_known_token_is_looked_up_again_after_45_seconds(seconds: float, asked: int) -> None:
    table, clock = Table(a=math.inf), Clock()
    tokens = ApiTokens(table, clock=clock)
    await tokens.find("a")
    clock.now += seconds
    assert await tokens.find("a")
    assert table.asked == asked


@pytest.mark.parametrize(("seconds", "asked"), [(4.9, 2), (5.0, 3)])
async def test_failed_renewal_is_tried_again_after_5_seconds(seconds: float, asked: int) -> None:
    table, clock = Table(a=math.inf), Clock()
    tokens = ApiTokens(table, clock=clock)
    await tokens.find("a")
    table.failure = TokenTableError("down")
    clock.now += 60
    assert await tokens.find("a")
    clock.now += seconds
    assert await tokens.find("a")
    assert table.asked == asked


async def test_renewal_counts_from_its_answer() -> None:
    table, clock = Table(a=math.inf), Clock()
    tokens = ApiTokens(table, clock=clock)
    await tokens.find("a")
    clock.now += 60
    await tokens.find("a")
    clock.now += 44
    await tokens.find("a")
    assert table.asked == 2


@pytest.mark.parametrize(("seconds", "asked"), [(4.9, 1), (5.0, 2)])
async def test_unknown_token_is_remembered_for_5_seconds(seconds: float, asked: int) -> None:
    table, clock = Table(), Clock()
    tokens = ApiTokens(table, clock=clock)
    await tokens.find("a")
    clock.now += seconds
    assert await tokens.find("a") is None
    assert table.asked == asked


@pytest.mark.parametrize(("expires", "is_valid"), [(101.0, True), (100.0, False), (99.0, False)])
async def test_token_that_has_expired_is_unknown(expires: float, is_valid: bool) -> None:
    table = Table(a=expires)
    tokens = ApiTokens(table, clock=Clock(), now=lambda: 100.0)
    assert [await tokens.find("a") is not None for _ in range(2)] == [is_valid] * 2
    assert table.asked == 1


async def test_removed_token_is_known_no_longer() -> None:
    table, clock = Table(a=math.inf), Clock()
    tokens = ApiTokens(table, clock=clock)
    await tokens.find("a")
    table.tokens.clear()
    clock.now += 46
    assert await tokens.find("a") is None
    table.failure = TokenTableError("down")
    clock.now += 6
    with pytest.raises(TokenTableError):
        await tokens.find("a")


async def test_silent_table_is_given_up(hurried: None) -> None:
    table = SilentTable()
    table.silent.set()
    began = asyncio.get_running_loop().time()
    with pytest.raises(TokenTableError, match="cannot be checked at the moment; try again"):
        await ApiTokens(table).find("a")
    assert 0.9 < asyncio.get_running_loop().time() - began < 4


@pytest.mark.parametrize(("waiting", "is_looked_up"), [(999, True), (1000, False)])
async def test_unknown_tokens_that_wait_are_limited(hurried: None, waiting: int, is_looked_up: bool) -> None:
    table = SilentTable()
    table.silent.set()
    tokens = ApiTokens(table)
    flood = [asyncio.create_task(tokens.find(f"unknown-{number}")) for number in range(waiting)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert table.waiting == 40
    last = asyncio.create_task(tokens.find("last"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert last.done() is not is_looked_up
    await asyncio.gather(*flood, last, return_exceptions=True)
    # Their places are free again.
    table.silent.clear()
    assert await tokens.find("b") is None


def _wrong(token: str) -> str:
    return token[:-1] + ("0" if token[-1] != "0" else "1")


@pytest.mark.parametrize("make", [stored_key, _wrong], ids=["what the table stores", "a wrong checksum"])
async def test_what_cannot_be_a_token_is_rejected_without_a_lookup(make: Callable[[str], str]) -> None:
    token = new_token()
    table = Table(**{token: math.inf, make(token): math.inf})
    tokens = ApiTokens(table)
    assert await tokens.find(make(token)) is None
    assert table.asked == 0
    assert await tokens.find(token) is not None
