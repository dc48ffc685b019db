"""Data keys: how long one is used, and what happens while KMS makes none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from lisa_gateway.access.document import ContentStore
from lisa_gateway.audit.data_keys import LAST_SECONDS, RENEW_LINES, RENEW_SECONDS, DataKey, DataKeyError, DataKeys

STORE = ContentStore(account="123456789012", bucket="content", deployment="test", keyArn="arn:key")


class Kms:
    """KMS that counts its calls, and that can fail or be slow."""

    def __init__(self) -> None:
        self.contexts: list[dict[str, str]] = []
        self.is_down = False
        self.wait: asyncio.Event | None = None

    async def generate_data_key(self, **given: Any) -> dict[str, bytes]:
        self.contexts.append(given["EncryptionContext"])
        if self.wait is not None:
            await self.wait.wait()
        if self.is_down:
            raise EndpointConnectionError(endpoint_url="x")
        return {"Plaintext": bytes(32), "CiphertextBlob": str(len(self.contexts)).encode()}


class Fixture:
    """Data keys with a clock."""

    def __init__(self) -> None:
        self.kms, self.now = Kms(), 0.0
        self.keys = DataKeys(self.kms, now=lambda: self.now)

    async def get(self, group: str = "science") -> DataKey:
        return await self.keys.get(STORE, group)


def run(test: Callable[[Fixture], Awaitable[None]]) -> None:
    async def call() -> None:
        await test(Fixture())

    asyncio.run(call())


def test_each_group_has_a_key_bound_to_it() -> None:
    async def test(fixture: Fixture) -> None:
        first, again, other = await fixture.get(), await fixture.get(), await fixture.get("law")
        assert first is again is not other
        assert fixture.kms.contexts == [
            {"lisa-deployment": "test", "lisa-group": "science"},
            {"lisa-deployment": "test", "lisa-group": "law"},
        ]

    run(test)


def test_many_requests_wait_for_one_key() -> None:
    async def test(fixture: Fixture) -> None:
        found = await asyncio.gather(*(fixture.get() for _ in range(50)))
        assert len({id(key) for key in found}) == len(fixture.kms.contexts) == 1

    run(test)


@pytest.mark.parametrize("bound", ["age", "lines"])
def test_key_is_replaced_at_its_bounds_and_nobody_waits_for_that(bound: str) -> None:
    async def test(fixture: Fixture) -> None:
        first = await fixture.get()
        if bound == "age":
            fixture.now = RENEW_SECONDS
        else:
            first.lines = RENEW_LINES
        fixture.kms.wait = asyncio.Event()
        assert await fixture.get() is first
        assert await fixture.get() is first
        fixture.kms.wait.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert await fixture.get() is not first
        assert len(fixture.kms.contexts) == 2

    run(test)


def test_key_is_used_for_an_hour_without_kms_and_no_longer() -> None:
    async def test(fixture: Fixture) -> None:
        first = await fixture.get()
        fixture.kms.is_down = True
        fixture.now = LAST_SECONDS - 1
        assert await fixture.get() is first
        for _ in range(10):
            await asyncio.sleep(0)
        fixture.now = LAST_SECONDS
        with pytest.raises(DataKeyError):
            await fixture.get()
        calls = len(fixture.kms.contexts)
        with pytest.raises(DataKeyError):
            await fixture.get()
        # For some seconds nobody asks and waits again.
        assert len(fixture.kms.contexts) == calls
        fixture.kms.is_down, fixture.now = False, LAST_SECONDS + 6
        assert await fixture.get() is not first

    run(test)
