"""The token table in DynamoDB: its items, and its errors without any token."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway import api_tokens
from lisa_gateway.api_tokens import DynamoTable, TokenTableError

pytestmark = pytest.mark.anyio

THROTTLED = ClientError({"Error": {"Code": "Throttled", "Message": "slow down"}}, "GetItem")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Client:
    """A DynamoDB client with one response or error."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.asked: list[dict[str, Any]] = []

    async def get_item(self, **request: Any) -> Any:
        self.asked.append(request)
        if isinstance(self.response, Exception):
            raise self.response
        if isinstance(self.response, float):
            await asyncio.sleep(self.response)
        return self.response


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({}, None),
        ({"Item": {"token": {"S": "t"}}}, math.inf),
        ({"Item": {"token": {"S": "t"}, "tokenExpiration": {"N": "12.5"}}}, 12.5),
        ({"Item": {"token": {"S": "t"}, "tokenExpiration": {"S": "2030-01-01"}}}, -math.inf),
        ({"Item": {"token": {"S": "t"}, "tokenExpiration": {"N": "soon"}}}, -math.inf),
        ({"Item": {"token": {"S": "t"}, "tokenExpiration": {"N": None}}}, -math.inf),
        ({"Item": {"token": {"S": "t"}, "tokenExpiration": 7}}, -math.inf),
    ],
)
async def test_items_of_the_table(response: Any, expected: float | None) -> None:
    client = Client(response)
    assert await DynamoTable(client, "tokens").expiration("t") == expected
    (asked,) = client.asked
    assert (asked["TableName"], asked["Key"]) == ("tokens", {"token": {"S": "t"}})


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
        await DynamoTable(Client(error), "tokens").expiration("secret-token")
    assert f"token table tokens: {type(error).__name__} {error}" in caplog.text
    assert "secret-token" not in caplog.text


async def test_table_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_tokens, "LOOKUP_SECONDS", 0.2)
    with pytest.raises(TokenTableError):
        await DynamoTable(Client(30.0), "tokens").expiration("t")
