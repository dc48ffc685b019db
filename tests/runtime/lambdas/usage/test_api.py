"""The usage endpoint, through the handler, on the table that the gateway writes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from lisa_gateway.access.usage import Amount, UsageRecorder
from lisa_lambdas.usage import handler as module
from lisa_lambdas.usage.api import create_app
from lisa_lambdas.usage.store import UsageStore
from permissions.recording import Recorder
from runtime.lambdas.proxy_events import ADMIN, ANN, BOB, CONTEXT, ORIGIN, content, proxy_event, refusal

Call = Callable[..., dict[str, Any]]
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
USERS = {name: hashlib.sha256(f"subject-{name}".encode()).hexdigest()[:12] for name in ("ann", "bob")}


class Client:
    """boto3's client as the gateway's code calls its own."""

    def __init__(self) -> None:
        self._client = boto3.client("dynamodb")

    async def transact_write_items(self, **request: Any) -> Any:
        return self._client.transact_write_items(**request)


@pytest.fixture
def call(make_table: Callable[[str, str], str], set_environment: Callable[..., None]) -> Call:
    """Call the endpoint as the serve stack deploys it, on 2026-11-29."""
    table = make_table("serve", "UsageTable")
    set_environment("serve", "usage")
    _record(table)
    api = create_app(UsageStore(boto3.client("dynamodb"), table=table), web_origin=ORIGIN, clock=lambda: NOW)
    return lambda **others: api.resolve(proxy_event("GET", "/usage", **others), CONTEXT)


def _record(table: str) -> None:
    """Usage of two users on three days, as the gateway records it."""

    async def write() -> None:
        for day, user, model, groups, amount in (
            (28, "ann", "writer", ["science"], Amount(1, 10, 20)),
            (29, "ann", "writer", ["science"], Amount(2, 5, 7, 12)),
            (29, "ann", "writer", ["science"], Amount(1, 1, 1)),
            (29, "ann", "embedder", ["science"], Amount(1, 3, 0)),
            (29, "bob", "writer", ["science", "law"], Amount(1, 100, 200)),
            (1, "bob", "writer", [], Amount(4, 4, 4)),
        ):
            recorder = UsageRecorder(Client(), table, now=datetime(2026, 11, day, 23, tzinfo=UTC).timestamp)
            recorder.record(user=USERS[user], groups=groups, model=model, amount=amount)
            await recorder.write()

    asyncio.run(write())


def rows(answer: dict[str, Any], kind: str) -> list[tuple[Any, ...]]:
    names = ("day", kind, "requests", "promptTokens", "completionTokens", "estimatedTokens")
    return [tuple(row[name] for name in names) for row in content(answer)["usage"]]


def test_callers_see_their_own_usage_by_day_and_model(call: Call) -> None:
    found = call(caller=ANN)
    assert (content(found)["from"], content(found)["to"]) == ("2026-10-31", "2026-11-29")
    assert rows(found, "model") == [
        ("2026-11-28", "writer", 1, 10, 20, 0),
        ("2026-11-29", "embedder", 1, 3, 0, 0),
        ("2026-11-29", "writer", 3, 6, 8, 12),
    ]
    assert rows(call(caller=ANN, query={"from": "2026-11-28", "to": "2026-11-28"}), "model") == [
        ("2026-11-28", "writer", 1, 10, 20, 0)
    ]
    assert [row[0] for row in rows(call(caller=BOB), "model")] == ["2026-11-01", "2026-11-29"]


def test_administrators_see_all_usage_by_user_group_or_model(call: Call) -> None:
    def totals(kind: str) -> list[tuple[Any, ...]]:
        return rows(call(caller=ADMIN, query={"by": kind, "from": "2026-11-29"}), kind)

    ann, bob = USERS["ann"], USERS["bob"]
    assert sorted(totals("user")) == sorted([("2026-11-29", ann, 4, 9, 8, 12), ("2026-11-29", bob, 1, 100, 200, 0)])
    assert totals("group") == [("2026-11-29", "law", 1, 100, 200, 0), ("2026-11-29", "science", 5, 109, 208, 12)]
    assert totals("model") == [("2026-11-29", "embedder", 1, 3, 0, 0), ("2026-11-29", "writer", 4, 106, 208, 12)]
    assert refusal(call(caller=ANN, query={"by": "user"})) == (403, "Forbidden")
    assert content(call(caller=ADMIN))["usage"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2026-11-30"},
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2026-01-01", "to": "2026-11-01"},
        {"by": "day"},
    ],
)
def test_invalid_queries_are_rejected(call: Call, query: dict[str, str]) -> None:
    assert refusal(call(caller=ADMIN, query=query)) == (400, "BadRequest")


def test_requests_without_caller_are_rejected(call: Call) -> None:
    assert refusal(call(caller=None)) == (401, "Unauthorized")


def test_every_declared_call_is_made(call: Call, recorder: Recorder) -> None:
    recorder.variables |= os.environ
    module._app.cache_clear()
    assert module.handler(proxy_event("GET", "/usage"), CONTEXT)["statusCode"] == 200
    module._app.cache_clear()
    assert recorder.missing("usage") == []


class Lossy(Client):
    """A client whose responses are lost: what it is asked for happens, and it does not say so."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self.losses = losses
        self.sent: list[dict[str, Any]] = []

    async def transact_write_items(self, **request: Any) -> Any:
        self.sent.append(request)
        # As if more than the ten minutes had passed in which DynamoDB knows a token.
        late = request | {"ClientRequestToken": f"{len(self.sent)}"}
        try:
            return await super().transact_write_items(**late)
        finally:
            if len(self.sent) <= self.losses:
                raise TimeoutError


def test_usage_counts_once_however_often_and_late_it_is_sent(call: Call) -> None:
    client = Lossy(2)

    async def write() -> None:
        recorder = UsageRecorder(client, os.environ["USAGE_TABLE_NAME"], now=NOW.timestamp)
        recorder.record(user=USERS["ann"], groups=["history"], model="poet", amount=Amount(1, 10, 20))
        await recorder.write()
        recorder.record(user=USERS["ann"], groups=["history"], model="poet", amount=Amount(1, 1, 2))
        for _ in range(3):
            await recorder.write()

    asyncio.run(write())
    assert len(client.sent) == 4
    assert client.sent[0] == client.sent[1] != client.sent[3]
    found = rows(call(caller=ADMIN, query={"by": "group", "from": "2026-11-29"}), "group")
    assert ("2026-11-29", "history", 2, 11, 22, 0) in found


def test_requests_count_on_the_day_in_utc_on_which_they_end(call: Call) -> None:
    clock = [datetime(2026, 11, 28, 23, 59, 59, tzinfo=UTC).timestamp()]

    async def write() -> None:
        recorder = UsageRecorder(Client(), os.environ["USAGE_TABLE_NAME"], now=lambda: clock[0])
        recorder.record(user=USERS["bob"], groups=["night"], model="poet", amount=Amount(1, 1, 0))
        clock[0] += 2
        recorder.record(user=USERS["bob"], groups=["night"], model="poet", amount=Amount(1, 2, 0))
        # One batch has both days.
        await recorder.write()

    asyncio.run(write())
    found = rows(call(caller=ADMIN, query={"by": "group", "from": "2026-11-28"}), "group")
    assert [row for row in found if row[1] == "night"] == [
        ("2026-11-28", "night", 1, 1, 0, 0),
        ("2026-11-29", "night", 1, 2, 0, 0),
    ]
    own = rows(call(caller=BOB, query={"from": "2026-11-28"}), "model")
    assert [row[:2] for row in own] == [("2026-11-28", "poet"), ("2026-11-29", "poet"), ("2026-11-29", "writer")]


def test_batch_that_is_never_accepted_does_not_keep_others_waiting(call: Call) -> None:
    async def write() -> None:
        recorder = UsageRecorder(Client(), os.environ["USAGE_TABLE_NAME"], now=NOW.timestamp)
        recorder.record(user="x" * 3000, groups=[], model="poet", amount=Amount(1, 1, 1))
        await recorder.write()
        recorder.record(user=USERS["ann"], groups=["after"], model="poet", amount=Amount(1, 1, 1))
        await recorder.write()

    asyncio.run(write())
    found = rows(call(caller=ADMIN, query={"by": "group", "from": "2026-11-29"}), "group")
    assert ("2026-11-29", "after", 1, 1, 1, 0) in found
