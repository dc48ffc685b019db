"""The endpoints of API tokens.

Users manage their own, with the groups that they have; administrators list and revoke everyone's, one by one or all of
an owner. A token that is made here never has administrator access.
"""

from __future__ import annotations

import re
import time
from typing import Any, Callable, Dict, List, Literal, Optional, Tuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lisa_lambdas import audit
from lisa_lambdas.caller import Caller
from lisa_lambdas.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from lisa_lambdas.rest import RestApi
from lisa_lambdas.tokens.store import USER, Token, TokenStore
from lisa_tokens import SCOPES, new_token, new_token_id, stored_key

MOST_LIVE_TOKENS = 50
"""Tokens of one user that have not expired."""

LONGEST_DAYS = 365
_DAY_SECONDS = 86400
_TOKEN_ID = re.compile(r"[0-9a-f]{12}")
_MOST_GROUPS = 100
_LONGEST_OWNER = 2048  # DynamoDB: partition keys, which owners are in the index.


class NewToken(BaseModel):
    """What a new token is for.

    Attributes:
        name: a name for people to read.
        expires: for how many days it is valid: `90d`.
        scopes: families of operations that it may use; empty for all.
        groups: groups of the caller that it has; None for all of them.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    expires: str = Field(default="90d", pattern=r"^[1-9][0-9]{0,3}d$")
    scopes: List[str] = Field(default_factory=list, max_length=len(SCOPES))
    groups: Optional[List[str]] = Field(default=None, max_length=_MOST_GROUPS)

    @field_validator("name")
    @classmethod
    def _is_printable(cls, name: str) -> str:
        if not name.isprintable() or name != name.strip():
            raise ValueError("must have printable characters only, and no space at its beginning or end")
        return name

    @field_validator("expires")
    @classmethod
    def _is_limited(cls, expires: str) -> str:
        if int(expires[:-1]) > LONGEST_DAYS:
            raise ValueError(f"must be at most {LONGEST_DAYS}d")
        return expires

    @field_validator("scopes")
    @classmethod
    def _are_known(cls, scopes: List[str]) -> List[str]:
        if not set(scopes) <= set(SCOPES):
            raise ValueError(f"must be of {', '.join(SCOPES)}")
        return scopes

    @property
    def seconds(self) -> int:
        """For how long it is valid."""
        return int(self.expires[:-1]) * _DAY_SECONDS


class OwnerQuery(BaseModel):
    """Whose tokens are revoked.

    Attributes:
        owner: subject of a user, or name of a service account.
        owner_type: which of both.
    """

    owner: str = Field(min_length=1, max_length=_LONGEST_OWNER)
    owner_type: Literal["user", "service"] = Field(default="user", alias="ownerType")


class ListQuery(BaseModel):
    """Whose tokens are asked for: the caller's own, or everyone's."""

    every: bool = Field(default=False, alias="all")


def create_app(store: TokenStore, *, web_origin: str, clock: Callable[[], float] = time.time) -> RestApi:
    """The endpoints of one table of tokens."""
    api = RestApi(web_origin)

    @api.get("/tokens")
    def list_tokens() -> Dict[str, Any]:
        caller = api.caller()
        if api.read_query(ListQuery).every:
            caller.must_be_admin()
            found = store.all()
        else:
            found = [token for token in store.of_owner(caller.subject) if token.owner_type == USER]
        found.sort(key=lambda token: (-token.created, token.token_id))
        return {"tokens": [_as_json(token) for token in found]}

    @api.post("/tokens")
    def create_token() -> Tuple[Dict[str, Any], int]:
        caller, wanted, now = api.caller(), api.read_body(NewToken), int(clock())
        groups = _groups(caller, wanted)
        live = [token for token in store.of_owner(caller.subject) if token.owner_type == USER and token.is_live(now)]
        if len(live) >= MOST_LIVE_TOKENS:
            raise ConflictError(f"You have {len(live)} tokens; the maximum is {MOST_LIVE_TOKENS}. Revoke one first.")
        secret = new_token()
        token = Token(
            token_id=new_token_id(),
            owner=caller.subject,
            owner_type=USER,
            owner_name=caller.username,
            name=wanted.name,
            groups=groups,
            scopes=tuple(sorted(set(wanted.scopes))),
            created=now,
            expires=now + wanted.seconds,
        )
        store.add(stored_key(secret), token)
        audit.record("token_created", caller=caller, **_facts(token), expires=token.expires)
        return {"token": secret, **_as_json(token)}, 201

    @api.delete("/tokens/<token_id>")
    def revoke_token(token_id: str) -> Dict[str, Any]:
        caller = api.caller()
        if not _TOKEN_ID.fullmatch(token_id):
            raise BadRequestError("A token ID must have 12 hexadecimal digits.")
        stored = store.find(token_id, user=caller.subject)
        if stored is None and caller.is_admin:
            stored = store.find(token_id, user=None)
        if stored is None or not store.delete(stored):
            raise NotFoundError("The token does not exist.")
        audit.record("token_revoked", caller=caller, **_facts(stored.token))
        return {"revoked": 1}

    @api.delete("/tokens")
    def revoke_tokens_of_owner() -> Dict[str, Any]:
        caller, query = api.caller(), api.read_query(OwnerQuery)
        if (query.owner, query.owner_type) != (caller.subject, USER):
            caller.must_be_admin()
        revoked = 0
        for stored in store.of_type(query.owner, query.owner_type):
            if store.delete(stored):
                revoked += 1
                audit.record("token_revoked", caller=caller, **_facts(stored.token))
        return {"revoked": revoked}

    return api


def _groups(caller: Caller, wanted: NewToken) -> Tuple[str, ...]:
    """The groups of a new token, which are at most the caller's."""
    if wanted.groups is None:
        return caller.groups
    chosen = set(wanted.groups)
    if not chosen <= set(caller.groups):
        raise ForbiddenError("You are not a member of all these groups. Use groups of yours, or omit `groups`.")
    return tuple(group for group in caller.groups if group in chosen)


def _facts(token: Token) -> Dict[str, Any]:
    """What an audit record has of a token: users as digests, and no name that a person chose."""
    owner = audit.digest(token.owner) if token.owner_type == USER else token.owner
    return {
        "tokenId": token.token_id,
        "owner": owner,
        "ownerType": token.owner_type,
        "groups": list(token.groups),
        "scopes": list(token.scopes),
    }


def _as_json(token: Token) -> Dict[str, Any]:
    return {
        "tokenId": token.token_id,
        "name": token.name,
        "owner": token.owner,
        "ownerType": token.owner_type,
        "ownerName": token.owner_name,
        "groups": list(token.groups),
        "scopes": list(token.scopes),
        "created": token.created,
        "expires": token.expires,
        "lastUsed": token.last_used,
    }
