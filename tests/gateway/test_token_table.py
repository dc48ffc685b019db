"""The token table in DynamoDB: its items, its errors without any token, and what its key can be used for."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from gateway.conftest import REGION, TABLE, Aws, stored_item
from lisa_gateway import token_table
from lisa_gateway.api_tokens import ApiTokens
from lisa_gateway.token_table import DynamoTable, TokenRecord, TokenTableError, dynamo_client
from lisa_tokens import new_token, stored_key

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Client:
    """A DynamoDB client with one response or error."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.asked: list[str] = []

    async def get_item(self, **request: Any) -> Any:
        assert request["TableName"] == "tokens"
        self.asked.append(request["Key"]["token"]["S"])
        if isinstance(self.response, Exception):
            raise self.response
        if isinstance(self.response, float):
            await asyncio.sleep(self.response)
        return self.response


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, math.inf),
        ({"tokenExpiration": {"N": "12.5"}}, 12.5),
        ({"tokenExpiration": {"N": "12.5"}, "expires": {"N": "12"}}, 12),
        ({"tokenExpiration": {"S": "2030-01-01"}}, -math.inf),
        ({"tokenExpiration": {"N": "soon"}}, -math.inf),
        ({"tokenExpiration": {"N": None}}, -math.inf),
        ({"tokenExpiration": 7}, -math.inf),
        ({"tokenExpiration": {"N": "12"}, "expires": {"S": "never"}}, -math.inf),
    ],
)
async def test_items_of_lisa_2(attributes: dict[str, Any], expected: float) -> None:
    client = Client({"Item": {"token": {"S": "t"}, **attributes}})
    assert await DynamoTable(client, "tokens").find("t") == TokenRecord(expires=expected)
    assert client.asked == ["t"]


async def test_items_of_digests() -> None:
    token = new_token()
    client = Client({"Item": stored_item(token, expires=12, groups=["a"], scopes=["chat"], lastUsed={"N": "7"})})
    assert await DynamoTable(client, "tokens").find(token) == TokenRecord(
        expires=12,
        stored_key=stored_key(token),
        token_id="0a1b2c3d4e5f",
        owner="ci",
        is_of_user=False,
        groups=("a",),
        scopes=frozenset({"chat"}),
        last_used=7,
    )
    assert client.asked == [stored_key(token)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokenId", None),
        ("owner", None),
        ("ownerType", None),
        ("groups", None),
        ("scopes", None),
        ("scopes", {"S": "chat"}),
        ("groups", {"L": [{"N": "1"}]}),
        ("lastUsed", {"N": "x"}),
    ],
)
async def test_an_incomplete_item_is_no_token(name: str, value: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The gateway's role may set `lastUsed`, which DynamoDB would make an item for; it must not become a token."""
    token = new_token()
    item = stored_item(token) | ({name: value} if value else {})
    if value is None:
        del item[name]
    assert await DynamoTable(Client({"Item": item}), "tokens").find(token) is None
    assert "a token is rejected" in caplog.text
    assert stored_key(token) not in caplog.text


@pytest.mark.parametrize(
    ("token", "accepts_legacy", "looked_up"),
    [
        ("t", True, ["t", stored_key("t")]),
        ("t", False, [stored_key("t")]),
        ("lisa_short", True, ["lisa_short", stored_key("lisa_short")]),
        (stored_key("t"), True, [stored_key(stored_key("t"))]),
    ],
)
async def test_what_is_looked_up_for_a_token_that_is_not_there(
    token: str, accepts_legacy: bool, looked_up: list[str]
) -> None:
    client = Client({})
    assert await DynamoTable(client, "tokens", accepts_legacy=accepts_legacy).find(token) is None
    assert client.asked == looked_up


@pytest.mark.parametrize(
    "error",
    [
        BotoCoreError(),
        ClientError({"Error": {"Code": "Throttled", "Message": "slow down"}}, "GetItem"),
        OSError("reset"),
    ],
)
async def test_errors_of_the_table_are_logged_without_the_token(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TokenTableError, match="try again"):
        await DynamoTable(Client(error), "tokens").find("secret-token")
    assert f"token table tokens: {type(error).__name__} {error}" in caplog.text
    assert "secret-token" not in caplog.text


async def test_table_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_table, "LOOKUP_SECONDS", 0.2)
    with pytest.raises(TokenTableError):
        await DynamoTable(Client(30.0), "tokens").find("t")


@pytest.fixture
def stored(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """The table of a local DynamoDB, for a client in this process."""
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return aws


async def test_what_the_table_holds_authenticates_no_one(stored: Aws) -> None:
    """Whoever reads the table has digests, and items of LISA 2.x that were never hashed."""
    token, plain = new_token(), uuid.uuid4().hex
    hashed_plain = uuid.uuid4().hex
    stored.put(stored_item(token), stored_item(hashed_plain))
    stored.put_token(plain)
    async with dynamo_client(REGION) as client:
        accepting = ApiTokens(DynamoTable(client, TABLE))
        assert all([await accepting.find(text) for text in (token, plain, hashed_plain)])
        assert not any([await accepting.find(stored_key(text)) for text in (token, plain, hashed_plain)])
        strict = ApiTokens(DynamoTable(client, TABLE, accepts_legacy=False))
        assert [bool(await strict.find(text)) for text in (token, plain, hashed_plain)] == [True, False, True]


async def test_last_use_is_stored_once_an_hour_and_never_for_a_token_that_is_gone(stored: Aws) -> None:
    token, now = new_token(), int(time.time())
    stored.put(stored_item(token))
    key = stored_key(token)
    async with dynamo_client(REGION) as client:
        table = DynamoTable(client, TABLE)
        for at, unless_after, expected in (
            (now, now - 3600, now),
            (now + 5, now - 3595, now),
            (now + 3601, now + 1, now + 3601),
        ):
            await table.set_last_used(key, at, unless_after=unless_after)
            found = await table.find(token)
            assert found is not None
            assert found.last_used == expected
        stored.client("dynamodb").delete_item(TableName=TABLE, Key={"token": {"S": key}})
        await table.set_last_used(key, now + 9000, unless_after=now + 5400)
        assert await table.find(token) is None
        with pytest.raises(ClientError, match="ResourceNotFound"):
            await DynamoTable(client, "no-such-table").set_last_used(key, 2, unless_after=1)
