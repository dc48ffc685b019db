"""Where API tokens are kept: the table that the gateway looks tokens up in, by their digests.

Everything is read from the index by owner, in which items of LISA 2.x are not: these have the token itself as key. The
index follows the table within a second or so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from botocore.exceptions import ClientError

from lisa_lambdas.aws_errors import answered_by, error_code

USER = "user"
"""`ownerType` of a token that belongs to a user of the identity provider."""

_SERVICE = "The token table"
_KEPT_SECONDS = 30 * 86400
"""How long an expired token stays in the list before DynamoDB deletes it."""


@dataclass(frozen=True)
class Token:
    """What is kept of a token, with times in UNIX seconds.

    Attributes:
        token_id: its id.
        owner: subject of the user, or name of the service account, that it belongs to.
        owner_type: `user` or `service`.
        owner_name: a name of the owner for people to read, as it was when the token was made.
        name: what it is for.
        groups: groups that it has.
        scopes: families of operations that it may use; empty for all.
        created: when it was made.
        expires: when it ends; None when it does not.
        last_used: when it was last used, about to the hour; None for never.
    """

    token_id: str
    owner: str
    owner_type: str
    owner_name: str
    name: str
    groups: Tuple[str, ...]
    scopes: Tuple[str, ...]
    created: int
    expires: Optional[int]
    last_used: Optional[int] = None

    def is_live(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True)
class Stored:
    """A token, and the key of its item."""

    key: str
    token: Token


class TokenStore:
    """Tokens in the table.

    Args:
        client: a boto3 client of DynamoDB.
        table: name of the table.
        index: name of its index by owner.
    """

    def __init__(self, client: Any, *, table: str, index: str) -> None:
        self._client = client
        self._table = table
        self._index = index

    def of_owner(self, owner: str) -> List[Token]:
        """The tokens of an owner."""
        return [stored.token for stored in self._owned(owner)]

    def all(self) -> List[Token]:
        """The tokens of every owner."""
        return [stored.token for stored in self._every()]

    def find(self, token_id: str, *, user: Optional[str]) -> Optional[Stored]:
        """The token of an id; None when there is none.

        Args:
            token_id: the id.
            user: the user whose token it must be; None for any owner's.
        """
        if user is None:
            return next((stored for stored in self._every() if stored.token.token_id == token_id), None)
        found = self._owned(user, token_id)
        return next((stored for stored in found if stored.token.owner_type == USER), None)

    def of_type(self, owner: str, owner_type: str) -> List[Stored]:
        """The tokens of an owner of a type, with the keys of their items."""
        return [stored for stored in self._owned(owner) if stored.token.owner_type == owner_type]

    def add(self, key: str, token: Token) -> None:
        """Keep a new token under the key that has its digest."""
        ends = {} if token.expires is None else _ends(token.expires)
        with answered_by(_SERVICE):
            self._client.put_item(
                TableName=self._table,
                Item={
                    "token": {"S": key},
                    "tokenId": {"S": token.token_id},
                    "owner": {"S": token.owner},
                    "ownerType": {"S": token.owner_type},
                    "ownerName": {"S": token.owner_name},
                    "name": {"S": token.name},
                    "groups": {"L": [{"S": group} for group in token.groups]},
                    "scopes": {"L": [{"S": scope} for scope in token.scopes]},
                    "created": {"N": str(token.created)},
                    **ends,
                },
                ConditionExpression="attribute_not_exists(#token)",
                ExpressionAttributeNames={"#token": "token"},
            )

    def delete(self, stored: Stored) -> bool:
        """Delete a token; whether it was still there."""
        with answered_by(_SERVICE):
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key={"token": {"S": stored.key}},
                    ConditionExpression="tokenId = :id",
                    ExpressionAttributeValues={":id": {"S": stored.token.token_id}},
                )
            except ClientError as error:
                if error_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def _owned(self, owner: str, token_id: Optional[str] = None) -> Iterator[Stored]:
        values = {":owner": {"S": owner}}
        condition = "#owner = :owner"
        if token_id is not None:
            values[":id"] = {"S": token_id}
            condition += " AND tokenId = :id"
        yield from self._pages(
            "query",
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues=values,
        )

    def _every(self) -> Iterator[Stored]:
        yield from self._pages("scan")

    def _pages(self, operation: str, **asked: Any) -> Iterator[Stored]:
        with answered_by(_SERVICE):
            pages = self._client.get_paginator(operation).paginate(
                TableName=self._table, IndexName=self._index, **asked
            )
            for page in pages:
                for item in page["Items"]:
                    yield Stored(item["token"]["S"], _token(item))


def _ends(expires: int) -> Dict[str, Any]:
    """The end of a token: by the rule of LISA 2.x (`tokenExpiration`) as well, and when DynamoDB deletes the item."""
    return {
        "expires": {"N": str(expires)},
        "tokenExpiration": {"N": str(expires)},
        "deleteAfter": {"N": str(expires + _KEPT_SECONDS)},
    }


def _token(item: Mapping[str, Any]) -> Token:
    return Token(
        token_id=item["tokenId"]["S"],
        owner=item["owner"]["S"],
        owner_type=_text(item, "ownerType"),
        owner_name=_text(item, "ownerName"),
        name=_text(item, "name"),
        groups=_texts(item, "groups"),
        scopes=_texts(item, "scopes"),
        created=_seconds(item, "created") or 0,
        expires=_seconds(item, "tokenExpiration"),
        last_used=_seconds(item, "lastUsed"),
    )


def _text(item: Mapping[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _texts(item: Mapping[str, Any], name: str) -> Tuple[str, ...]:
    return tuple(value["S"] for value in item.get(name, {}).get("L", []) if "S" in value)


def _seconds(item: Mapping[str, Any], name: str) -> Optional[int]:
    value = item.get(name, {}).get("N")
    return None if value is None else int(float(value))
