"""The token table in DynamoDB: what it says of a token, and when a token was last used."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway.errors import UnavailableError
from lisa_tokens import STORED_PREFIX, has_token_form, stored_key

LOOKUP_SECONDS = 5.0
"""How long a look-up may take in all."""

_CONNECTIONS = 50

_log = logging.getLogger(__name__)


class TokenTableError(UnavailableError):
    """The token table did not answer in time, or with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """What the table says of a token; an item of LISA 2.x has no more than the time when it ends.

    Attributes:
        expires: when it ends, in UNIX seconds; infinite when it does not.
        stored_key: key of its item when its digest is stored; empty when the token itself is the key.
        token_id: its id, which may be logged.
        owner: the identity provider's subject of the user whom it belongs to, or the name of a service account.
        is_of_user: whether the owner is a user.
        groups: groups that it was made with.
        scopes: families of operations that it may use; empty for all.
        last_used: when it was last used, in UNIX seconds; 0 for never.
    """

    expires: float
    stored_key: str = ""
    token_id: str = ""
    owner: str = ""
    is_of_user: bool = False
    groups: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    last_used: float = 0.0


class Table(Protocol):
    """Where tokens are looked up."""

    async def find(self, token: str) -> TokenRecord | None:
        """What is known of a token; None when it is not in the table.

        Raises:
            TokenTableError: the table cannot be asked.
        """


class DynamoTable:
    """The token table in DynamoDB.

    The key of an item is `sha256:` and the digest of a token or, as in LISA 2.x, the token itself. What a caller sends
    is never looked up as it is when it begins with `sha256:`: who can read the table cannot use what is in it.

    Args:
        client: an aiobotocore client of DynamoDB.
        name: name of the table.
        accepts_legacy: whether items of LISA 2.x count.
    """

    def __init__(self, client: Any, name: str, *, accepts_legacy: bool = True) -> None:
        self._client = client
        self._name = name
        self._accepts_legacy = accepts_legacy

    async def find(self, token: str) -> TokenRecord | None:
        """See `Table`. Each token that is not in the table costs the same look-ups."""
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                # The item of LISA 2.x comes first: `lisa tokens hash` replaces it by the other one, which is therefore
                # there when the first look-up finds nothing.
                for key in self._keys(token):
                    if item := await self._item(key):
                        return _record(item)
        except (BotoCoreError, ClientError, OSError) as error:
            _log.warning("token table %s: %s", self._name, _reason(error))
            raise unavailable() from error
        return None

    async def set_last_used(self, key: str, at: int, *, unless_after: int) -> None:
        """Set when a token was last used, unless a later time is there, or the item is not.

        Args:
            key: key of its item.
            at: UNIX seconds.
            unless_after: UNIX seconds.

        Raises:
            ClientError: the table refuses it.
            BotoCoreError: the table does not answer.
        """
        try:
            await self._client.update_item(
                TableName=self._name,
                Key={"token": {"S": key}},
                UpdateExpression="SET lastUsed = :at",
                ConditionExpression=(
                    "attribute_exists(#token) AND (attribute_not_exists(lastUsed) OR lastUsed < :before)"
                ),
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":at": {"N": str(at)}, ":before": {"N": str(unless_after)}},
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise

    def _keys(self, token: str) -> Iterator[str]:
        if self._accepts_legacy and not has_token_form(token) and not token.startswith(STORED_PREFIX):
            yield token
        yield stored_key(token)

    async def _item(self, key: str) -> dict[str, Any] | None:
        answer = await self._client.get_item(TableName=self._name, Key={"token": {"S": key}})
        item: dict[str, Any] | None = answer.get("Item")
        return item


def dynamo_client(region: str) -> AbstractAsyncContextManager[Any]:
    """A client of DynamoDB that gives up soon."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(
        connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2}, max_pool_connections=_CONNECTIONS
    )
    client: AbstractAsyncContextManager[Any] = get_session().create_client(
        "dynamodb", region_name=region, config=config
    )
    return client


def unavailable() -> TokenTableError:
    """The error for a table that does not answer."""
    return TokenTableError("API tokens cannot be checked at the moment; try again.")


def _record(item: dict[str, Any]) -> TokenRecord | None:
    """Read an item; None for one that is not complete, which the gateway's own permission could make."""
    key = item["token"]["S"]
    if not key.startswith(STORED_PREFIX):
        return TokenRecord(expires=_expiration(item))
    try:
        return TokenRecord(
            expires=_expiration(item),
            stored_key=key,
            token_id=item["tokenId"]["S"],
            owner=item["owner"]["S"],
            is_of_user=item["ownerType"]["S"] == "user",
            groups=tuple(_strings(item, "groups")),
            scopes=frozenset(_strings(item, "scopes")),
            last_used=float(item.get("lastUsed", {}).get("N", 0)),
        )
    except (KeyError, TypeError, ValueError):
        _log.warning("a token is rejected: its item lacks an attribute, or has one of another type")
        return None


def _strings(item: dict[str, Any], name: str) -> list[str]:
    return [value["S"] for value in item[name]["L"]]


def _expiration(item: dict[str, Any]) -> float:
    """When an item ends; one whose expiration is not a number has ended, since somebody meant to limit it."""
    ends = [math.inf]
    for name in ("tokenExpiration", "expires"):
        attribute = item.get(name)
        if attribute is not None:
            try:
                ends.append(float(attribute["N"]))
            except (KeyError, ValueError, TypeError):
                return -math.inf
    return min(ends)


def _reason(error: Exception) -> str:
    """What a log may say: botocore's own texts name the address and the operation, never the key."""
    return f"{type(error).__name__} {error}".strip()
