"""An API token as the token table has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lisa_compiler.tokens.form import STORED_PREFIX, new_token_id
from lisa_schema.errors import LisaError

KEY = "token"
"""Attribute of the table's key: `sha256:` and a digest, or the token itself where LISA 2.x stored it."""

LEGACY_EXPIRATION = "tokenExpiration"
"""Attribute in which LISA 2.x has when a token ends, in UNIX seconds."""

NEVER = "never"
_KEPT_SECONDS = 30 * 86400
"""How long an expired token stays in the list before DynamoDB deletes it."""

_DURATION = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNIT_SECONDS = {"h": 3600, "d": 86400, "w": 7 * 86400}


class ApiTokenError(LisaError):
    """A token cannot be made, listed or revoked; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """What is stored of a token beside its digest; times are UNIX seconds.

    Attributes:
        token_id: its id, which may be logged.
        name: what it is for.
        owner: name of the service account, or the identity provider's subject of the user.
        owner_type: `service` or `user`.
        owner_name: a name of the owner for people to read.
        groups: groups that it has.
        scopes: families of operations that it may use; empty for all.
        created: when it was made.
        expires: when it ends; None when it does not.
        last_used: when it was last used, about to the hour; None for never.
    """

    token_id: str
    name: str
    owner: str
    owner_type: str
    owner_name: str
    groups: tuple[str, ...]
    scopes: tuple[str, ...]
    created: int
    expires: int | None
    last_used: int | None = None

    def item(self, key: str) -> dict[str, Any]:
        """The item of the table, under a key."""
        ends = {}
        if self.expires is not None:
            ends = {
                "expires": self.expires,
                LEGACY_EXPIRATION: self.expires,
                "deleteAfter": self.expires + _KEPT_SECONDS,
            }
        return {
            KEY: key,
            "tokenId": self.token_id,
            "owner": self.owner,
            "ownerType": self.owner_type,
            "ownerName": self.owner_name,
            "name": self.name,
            "groups": list(self.groups),
            "scopes": list(self.scopes),
            "created": self.created,
            **ends,
        }


def new_service_token(
    name: str,
    *,
    owner: str,
    groups: tuple[str, ...],
    scopes: tuple[str, ...],
    now: int,
    expires: int | None,
) -> ApiToken:
    """Describe a new token of a service account."""
    return ApiToken(
        token_id=new_token_id(),
        name=name,
        owner=owner,
        owner_type="service",
        owner_name=owner,
        groups=tuple(dict.fromkeys(groups)),
        scopes=tuple(sorted(set(scopes))),
        created=now,
        expires=expires,
    )


def read_token(item: Mapping[str, Any]) -> ApiToken | None:
    """Read an item; None for one that LISA 2.x stored, whose key is the token."""
    if is_plain(item):
        return None
    return ApiToken(
        token_id=str(item.get("tokenId", "")),
        name=str(item.get("name", "")),
        owner=str(item.get("owner", "")),
        owner_type=str(item.get("ownerType", "")),
        owner_name=str(item.get("ownerName", "")),
        groups=tuple(map(str, item.get("groups", ()))),
        scopes=tuple(map(str, item.get("scopes", ()))),
        created=_seconds(item.get("created")) or 0,
        expires=_seconds(item.get(LEGACY_EXPIRATION)),
        last_used=_seconds(item.get("lastUsed")),
    )


def is_plain(item: Mapping[str, Any]) -> bool:
    """Whether the key of an item is the token itself."""
    return not str(item[KEY]).startswith(STORED_PREFIX)


def expiration(text: str, now: int) -> int | None:
    """When a token ends that is valid for a duration: `12h`, `90d`, `4w`; None for `never`.

    Raises:
        ApiTokenError: the text is no duration.
    """
    if text == NEVER:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ApiTokenError(
            f"`{text}` is not a duration. Use hours, days or weeks, such as 12h, 90d or 4w, or `never`."
        )
    return now + int(found[1]) * _UNIT_SECONDS[found[2]]


def _seconds(value: object) -> int | None:
    return int(value) if isinstance(value, int | Decimal) else None
