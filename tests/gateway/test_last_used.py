"""When tokens were last used: how often it is written, and what of a failure is noticed."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lisa_gateway import last_used
from lisa_gateway.last_used import LastUsed
from lisa_gateway.token_table import TokenRecord
from oidc.issuer import Clock

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Table:
    """Records writes; waits or fails on request."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.written: list[tuple[str, int, int]] = []
        self.failure = failure
        self.open = asyncio.Event()
        self.open.set()
        self.writing = 0

    async def set_last_used(self, key: str, at: int, *, unless_after: int) -> None:
        self.writing += 1
        try:
            await self.open.wait()
        finally:
            self.writing -= 1
        if self.failure:
            raise self.failure
        self.written.append((key, at, unless_after))


def record(key: str = "sha256:a", used: float = 0.0) -> TokenRecord:
    return TokenRecord(expires=math.inf, stored_key=key, token_id="0a1b", last_used=used)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_token_is_written_once_an_hour() -> None:
    table, clock = Table(), Clock()
    uses = LastUsed(table, clock=clock, now=lambda: NOW + clock.now)
    began = clock.now
    for _ in range(3):
        uses.note(record())
    uses.note(record("sha256:b"))
    await settle()
    at = NOW + int(began)
    assert table.written == [("sha256:a", at, at - 3600), ("sha256:b", at, at - 3600)]
    clock.now += 3599
    uses.note(record())
    await settle()
    assert len(table.written) == 2
    clock.now += 1
    uses.note(record(used=at))
    await settle()
    assert table.written[2:] == [("sha256:a", at + 3600, at)]


@pytest.mark.parametrize(("used", "is_written"), [(NOW - 3599, False), (NOW - 3600, True)])
async def test_another_worker_has_written_it(used: float, is_written: bool) -> None:
    table = Table()
    LastUsed(table, now=lambda: NOW).note(record(used=used))
    await settle()
    assert bool(table.written) is is_written


async def test_an_item_of_lisa_2_is_never_written() -> None:
    table = Table()
    LastUsed(table).note(TokenRecord(expires=math.inf))
    await settle()
    assert table.written == []


@pytest.mark.parametrize("failure", [OSError("reset"), ClientError({"Error": {"Code": "AccessDenied"}}, "UpdateItem")])
async def test_a_failure_is_one_line_in_the_log(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    uses = LastUsed(Table(failure))
    for _ in range(3):
        uses.note(record())
        await settle()
    assert caplog.messages == [f"the last use of token 0a1b is not stored: {type(failure).__name__}"]


async def test_a_table_that_hangs_takes_few_connections_and_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(last_used, "WRITE_SECONDS", 0.2)
    table = Table()
    table.open.clear()
    uses = LastUsed(table)
    for number in range(1500):
        uses.note(record(f"sha256:{number}"))
    await settle()
    assert table.writing == 4
    await asyncio.sleep(0.5)
    assert table.writing == 0
    assert len(caplog.messages) == 1000
    table.open.set()
    uses.note(record("sha256:1400"))
    await settle()
    assert [key for key, *_ in table.written] == ["sha256:1400"]


async def test_closing_ends_what_is_under_way() -> None:
    table: Any = Table()
    table.open.clear()
    uses = LastUsed(table)
    uses.note(record())
    await settle()
    await asyncio.wait_for(uses.close(), 1)
    assert table.writing == 0
