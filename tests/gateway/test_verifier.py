"""Verification of tokens without waiting for one another, and what is remembered of API tokens."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from lisa_gateway import api_tokens
from lisa_gateway.api_tokens import ApiTokens, TokenTableError
from lisa_gateway.issuer import Verifier
from lisa_oidc import Expectation, KeyStore, UnknownKeyError, UnreachableIssuerError
from oidc.issuer import AUTHORITY, CLIENT_ID, Clock, Documents, SigningKey

pytestmark = pytest.mark.anyio

FIRST, SECOND = SigningKey("first"), SigningKey("second")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def verifier(documents: Documents, clock: Clock, delay: float = 0.0) -> Verifier:
    async def fetch(url: str) -> Any:
        await asyncio.sleep(delay)
        return documents(url)

    store = KeyStore(retry=10, fresh=300, limit=3600, clock=clock)
    return Verifier(AUTHORITY, Expectation(client_id=CLIENT_ID), fetch=fetch, store=store)


async def test_all_who_come_at_once_share_one_request() -> None:
    documents = Documents(FIRST)
    subject = verifier(documents, Clock(), delay=0.05)
    callers = await asyncio.gather(*(subject.verify(FIRST.token()) for _ in range(20)))
    assert {caller.subject for caller in callers} == {"u-1"}
    assert len(documents.asked) == 2


async def test_a_known_key_does_not_wait_for_new_ones() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock)
    await subject.verify(FIRST.token())
    documents.failure = UnreachableIssuerError("down")
    clock.now += 301
    async with asyncio.timeout(1):
        assert (await subject.verify(FIRST.token())).subject == "u-1"


async def test_invented_key_ids_do_not_flood_the_issuer() -> None:
    documents = Documents(FIRST)
    subject = verifier(documents, Clock())
    await subject.verify(FIRST.token())
    for _ in range(10):
        with pytest.raises(UnknownKeyError):
            await subject.verify(SECOND.token())
    assert len(documents.asked) == 2


async def test_a_rotated_key_is_fetched() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock)
    await subject.verify(FIRST.token())
    documents.keys = [SECOND]
    clock.now += 11
    assert (await subject.verify(SECOND.token())).subject == "u-1"


async def test_who_leaves_does_not_stop_the_others() -> None:
    subject = verifier(Documents(FIRST), Clock(), delay=0.1)
    leaving = asyncio.create_task(subject.verify(FIRST.token()))
    staying = asyncio.create_task(subject.verify(FIRST.token()))
    await asyncio.sleep(0.05)
    leaving.cancel()
    assert (await staying).subject == "u-1"


class Table:
    """A token table in memory."""

    def __init__(self, **tokens: float) -> None:
        self.tokens = tokens
        self.asked = 0
        self.delay = 0.0
        self.failure: Exception | None = None

    async def expiration(self, token: str) -> float | None:
        self.asked += 1
        await asyncio.sleep(self.delay)
        if self.failure:
            raise self.failure
        return self.tokens.get(token)


async def test_a_removal_takes_effect_within_60_seconds() -> None:
    table, clock = Table(a=math.inf), Clock()
    tokens = ApiTokens(table, clock=clock)
    assert await tokens.key_of("a")
    table.tokens.clear()
    clock.now += 44
    assert await tokens.key_of("a")
    clock.now += 2
    assert not await tokens.key_of("a")


async def test_an_expiration_takes_effect_at_once() -> None:
    now = [100.0]
    tokens = ApiTokens(Table(a=110.0), clock=Clock(), now=lambda: now[0])
    assert await tokens.key_of("a")
    now[0] = 110.0
    assert not await tokens.key_of("a")


async def test_an_unknown_token_is_looked_for_again_after_5_seconds() -> None:
    table, clock = Table(), Clock()
    tokens = ApiTokens(table, clock=clock)
    assert not any([await tokens.key_of("a") for _ in range(5)])
    assert table.asked == 1
    table.tokens["a"] = math.inf
    clock.now += 5
    assert await tokens.key_of("a")


async def test_all_who_come_at_once_share_one_lookup() -> None:
    table = Table(a=math.inf)
    table.delay = 0.05
    tokens = ApiTokens(table)
    assert all(await asyncio.gather(*(tokens.key_of("a") for _ in range(20))))
    assert table.asked == 1


async def test_a_failure_is_not_remembered() -> None:
    table = Table(a=math.inf)
    table.failure = TokenTableError("down")
    tokens = ApiTokens(table)
    with pytest.raises(TokenTableError):
        await tokens.key_of("a")
    table.failure = None
    assert await tokens.key_of("a")


async def test_a_known_token_counts_while_the_table_is_down() -> None:
    table = Table(a=math.inf)
    tokens = ApiTokens(table)
    await tokens.key_of("a")
    table.failure = TokenTableError("down")
    assert await tokens.key_of("a")


class SilentTable(Table):
    """A token table that does not answer while `silent` is set."""

    def __init__(self, **tokens: float) -> None:
        super().__init__(**tokens)
        self.silent = asyncio.Event()
        self.waiting = 0

    async def expiration(self, token: str) -> float | None:
        if self.silent.is_set():
            self.waiting += 1
            try:
                await asyncio.sleep(3600)
            finally:
                self.waiting -= 1
        return await super().expiration(token)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look-ups that are given up sooner."""
    monkeypatch.setattr(api_tokens, "RENEWAL_SECONDS", 0.05)
    monkeypatch.setattr(api_tokens, "LOOKUP_SECONDS", 0.2)


async def test_a_token_that_was_good_counts_for_the_grace_period_while_the_table_hangs(hurried: None) -> None:
    table, clock = SilentTable(a=math.inf), Clock()
    tokens = ApiTokens(table, grace=600, clock=clock)
    assert await tokens.key_of("a")
    table.silent.set()
    clock.now += 60
    assert await tokens.key_of("a")
    began = asyncio.get_running_loop().time()
    for _ in range(100):
        assert await tokens.key_of("a")
    # Only the first request of some seconds waits.
    assert asyncio.get_running_loop().time() - began < 0.05
    clock.now += 584
    assert await tokens.key_of("a")
    clock.now += 2
    with pytest.raises(TokenTableError):
        await tokens.key_of("a")


async def test_a_removal_takes_effect_when_the_table_answers_again(hurried: None) -> None:
    table, clock = SilentTable(a=math.inf), Clock()
    tokens = ApiTokens(table, grace=600, clock=clock)
    assert await tokens.key_of("a")
    table.failure = TokenTableError("down")
    clock.now += 60
    assert await tokens.key_of("a")
    table.failure = None
    table.tokens.clear()
    clock.now += 6
    assert not await tokens.key_of("a")


async def test_a_slow_answer_counts_for_the_requests_after_it(hurried: None) -> None:
    table, clock = Table(a=math.inf), Clock()
    tokens = ApiTokens(table, grace=600, clock=clock)
    assert await tokens.key_of("a")
    table.tokens.clear()
    table.delay = 0.1
    clock.now += 46
    assert await tokens.key_of("a")
    await asyncio.sleep(0.15)
    assert not await tokens.key_of("a")


async def test_a_token_that_has_expired_has_no_grace_period(hurried: None) -> None:
    now, clock = [100.0], Clock()
    table = SilentTable(a=150.0)
    tokens = ApiTokens(table, grace=600, clock=clock, now=lambda: now[0])
    assert await tokens.key_of("a")
    table.silent.set()
    clock.now += 51
    now[0] += 51
    assert not await tokens.key_of("a")


async def test_a_flood_of_unknown_tokens_while_the_table_hangs(hurried: None) -> None:
    table, clock = SilentTable(a=math.inf), Clock()
    tokens = ApiTokens(table, grace=600, clock=clock)
    assert await tokens.key_of("a")
    table.silent.set()
    clock.now += 60
    flood = [asyncio.create_task(tokens.key_of(f"unknown-{number}")) for number in range(3000)]
    for _ in range(10):
        await asyncio.sleep(0)
        assert table.waiting <= 40
    assert len([task for task in flood if task.done()]) >= 2000
    assert await tokens.key_of("a")
    results = await asyncio.wait_for(asyncio.gather(*flood, return_exceptions=True), 5)
    assert {type(result) for result in results} == {TokenTableError}
    # The known token's own look-up is given up later.
    assert table.waiting <= 1
    table.silent.clear()
    assert not await tokens.key_of("unknown-1")


async def test_a_flood_of_unknown_tokens_does_not_push_out_known_ones() -> None:
    table = Table(a=math.inf)
    tokens = ApiTokens(table)
    await tokens.key_of("a")
    for number in range(10_050):
        await tokens.key_of(f"unknown-{number}")
    asked = table.asked
    assert await tokens.key_of("a")
    assert table.asked == asked
