"""The use cases of `lisa tokens`: create, list and revoke tokens of a deployment, and hash those of LISA 2.x."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.account import connect
from lisa_compiler.aws.dynamodb import MISSING_TABLE, TRANSACTION_CANCELED, ItemTable
from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import open_client
from lisa_compiler.compile.planning import plan_environment
from lisa_compiler.tokens.form import SCOPES, new_token, stored_key
from lisa_compiler.tokens.token import (
    KEY,
    LEGACY_EXPIRATION,
    ApiToken,
    ApiTokenError,
    is_plain,
    new_service_token,
    read_token,
)

if TYPE_CHECKING:
    from lisa_compiler.project.project import Project

_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Listing:
    """What the table has.

    Attributes:
        tokens: tokens whose digests are stored, by owner and name.
        plain: tokens that LISA 2.x stored as they are.
    """

    tokens: tuple[ApiToken, ...]
    plain: int


@dataclass(frozen=True, slots=True)
class Hashing:
    """What `hash` did with the tokens that LISA 2.x stored as they are.

    Attributes:
        hashed: tokens of which the table now has the digest alone.
        invalid: tokens that are not valid, because their expiration is not a number.
        conflicting: tokens that changed meanwhile, or whose digest is in the table as well.
    """

    hashed: int
    invalid: int
    conflicting: int


@dataclass(frozen=True, slots=True)
class TokenRegistry:
    """The tokens of a deployment.

    Attributes:
        environment: name of the environment.
        table: the token table.
    """

    environment: str
    table: ItemTable

    def create(
        self,
        name: str,
        *,
        owner: str | None = None,
        groups: Sequence[str] = (),
        scopes: Sequence[str] = (),
        now: int,
        expires: int | None = None,
    ) -> tuple[str, ApiToken]:
        """Create a token of a service account; the token itself is nowhere but in the result.

        Args:
            name: what it is for.
            owner: name of the service account; None for the name.
            groups: groups that it has.
            scopes: families of operations that it may use; empty for all.
            now: UNIX seconds.
            expires: UNIX seconds; None for never.

        Raises:
            ApiTokenError: a value is invalid, or the table cannot be written.
        """
        owner = name if owner is None else owner
        for text in (name, owner, *groups):
            _require_name(text)
        if unknown := [scope for scope in scopes if scope not in SCOPES]:
            raise ApiTokenError(f"`{unknown[0]}` is not a scope. Use {', '.join(SCOPES)}.")
        token = new_service_token(
            name, owner=owner, groups=tuple(groups), scopes=tuple(scopes), now=now, expires=expires
        )
        secret = new_token()
        with self._translated_errors():
            self.table.add(token.item(stored_key(secret)))
        return secret, token

    def list(self, owner: str | None = None) -> Listing:
        """List the tokens, of one owner or of all.

        Args:
            owner: name of a service account, or subject or name of a user; None for all owners.

        Raises:
            ApiTokenError: the table cannot be read.
        """
        items = self._items()
        stored = {item[KEY]: token for item in items if (token := read_token(item)) is not None}
        chosen = stored
        if owner is not None:
            chosen = {key: token for key, token in stored.items() if token.owner == owner} | _called(stored, owner)
        return Listing(
            tuple(sorted(chosen.values(), key=lambda token: (token.owner, token.name, token.created))),
            plain=sum(map(is_plain, items)),
        )

    def revoke(self, names: Sequence[str], *, owner: str | None) -> tuple[ApiToken, ...]:
        """Revoke tokens; one that is not there is revoked already.

        Args:
            names: ids or names.
            owner: name of a service account, or subject of a user, whose tokens are revoked; all of them when there are
                no names.

        Raises:
            ApiTokenError: several tokens have a name, or the owner is the name of a user; nothing is revoked. Or the
                table cannot be changed.
        """
        found: dict[str, ApiToken] = {}
        stored = {item[KEY]: token for item in self._items() if (token := read_token(item)) is not None}
        own = {key: token for key, token in stored.items() if owner in (None, token.owner)}
        if owner is not None and not own and (called := _called(stored, owner)):
            subjects = ", ".join(sorted({token.owner for token in called.values()}))
            raise ApiTokenError(f"{owner} is the name of a user. Specify the subject: {subjects}.")
        for name in names:
            matches = {key: token for key, token in own.items() if token.token_id == name} or {
                key: token for key, token in own.items() if token.name == name
            }
            if len(matches) > 1:
                ids = ", ".join(sorted(token.token_id for token in matches.values()))
                raise ApiTokenError(f"{len(matches)} tokens are named {name}. Specify the id: {ids}.")
            found |= matches
        if owner is not None and not names:
            found = own
        with self._translated_errors():
            for key in found:
                self.table.delete(key)
        return tuple(found.values())

    def hash(self, *, owner: str, groups: Sequence[str], now: int) -> Hashing:
        """Replace each token that LISA 2.x stored as it is by its digest; the tokens stay valid.

        Args:
            owner: owner that they get.
            groups: groups that they get.
            now: UNIX seconds.

        Raises:
            ApiTokenError: the table cannot be changed; tokens are replaced one after the other, each completely.
        """
        for text in (owner, *groups):
            _require_name(text)
        hashed = invalid = conflicting = 0
        for item in self._items():
            if not is_plain(item):
                continue
            ends = item.get(LEGACY_EXPIRATION)
            if ends is not None and not isinstance(ends, Decimal):
                invalid += 1
                continue
            token = new_service_token(
                owner,
                owner=owner,
                groups=tuple(groups),
                scopes=(),
                now=now,
                expires=None if ends is None else int(ends),
            )
            try:
                with self._translated_errors():
                    self.table.replace(item, token.item(stored_key(item[KEY])))
            except _CanceledError:
                conflicting += 1
            else:
                hashed += 1
        return Hashing(hashed, invalid, conflicting)

    def _items(self) -> tuple[dict[str, Any], ...]:
        with self._translated_errors():
            return tuple(self.table.items())

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except RequestError as error:
            if error.code == MISSING_TABLE:
                raise ApiTokenError(
                    f"{self.table.name} does not exist in {self.table.client.meta.region_name}. Deploy the serve stack "
                    f"of {self.environment}, or correct --env, region and deploymentName."
                ) from error
            if error.code == TRANSACTION_CANCELED:
                raise _CanceledError(str(error)) from error
            fix = " Add permissions on this table to your role." if "AccessDenied" in error.code else ""
            raise ApiTokenError(f"{error}{fix}") from error


def _called(stored: Mapping[str, ApiToken], name: str) -> dict[str, ApiToken]:
    """Tokens of users of a name, which can change and which several users can have, by key."""
    return {key: token for key, token in stored.items() if token.owner_name == name != token.owner}


class _CanceledError(ApiTokenError):
    """A transaction did not meet its conditions."""


def open_registry(project: Project, name: str | None, endpoint_url: str | None) -> TokenRegistry:
    """Open the token table of an environment, in its account and no other.

    Args:
        project: the project.
        name: name of the environment; None for `env` in config.yaml.
        endpoint_url: address of a DynamoDB-compatible store; None for DynamoDB.

    Raises:
        ConfigurationError: the configuration has errors.
        LisaError: boto3 is missing, or there are no credentials for the environment's account and Region.
    """
    planned = plan_environment(project.environment(name))
    config, environment = planned.environment.config, planned.environment.name
    if endpoint_url is None:
        client = connect(environment, config.account_number, config.region, config.profile).client("dynamodb")
    else:
        client = open_client("dynamodb", config.region, config.profile, endpoint_url)
    return TokenRegistry(environment, ItemTable(client, planned.deployment.names.token_table, KEY))


def _require_name(text: str) -> None:
    if not text.strip() or text != text.strip() or not text.isprintable() or len(text) > _NAME_LENGTH:
        raise ApiTokenError(
            f"{text!r} cannot be a name. Use 1 to {_NAME_LENGTH} printable characters without a space at either end."
        )
