"""Authentication: from the headers of a request to its caller."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lisa_gateway.api_tokens import ApiTokens, ValidToken
from lisa_gateway.errors import GatewayError, UnauthorizedError, UnavailableError
from lisa_gateway.issuer import Verifier
from lisa_gateway.last_used import LastUsed
from lisa_gateway.request_context import Caller
from lisa_gateway.token_table import TokenTableError
from lisa_oidc import IssuerError, TokenError

Headers = Iterable[tuple[bytes, bytes]]

_SCHEME = b"bearer "
_MOST_CREDENTIALS = 2  # One of each header; more would be a way to try many at once.


class Authenticator(Protocol):
    """Authenticates the caller of a request."""

    async def authenticate(self, headers: Headers) -> Caller:
        """Return the caller of a request with these headers, whose names are in lower case.

        Raises:
            UnauthorizedError: there is no valid credential.
            UnavailableError: the credential cannot be checked now.
        """


class AnonymousAuthenticator:
    """Accepts every request without credentials, for `USE_AUTH=false`."""

    async def authenticate(self, headers: Headers) -> Caller:  # noqa: ARG002
        """See `Authenticator`."""
        return Caller(kind="anonymous")


@dataclass(frozen=True, slots=True)
class _Credential:
    token: str
    may_be_oidc: bool


class TokenAuthenticator:
    """Accepts API tokens, from `Authorization: Bearer` or `Api-Key`, and OIDC tokens, from `Authorization` alone.

    What has the form of an OIDC token is verified first: that needs no look-up, and keeps such tokens out of DynamoDB.
    """

    def __init__(self, tokens: ApiTokens, verifier: Verifier, last_used: LastUsed) -> None:
        self._tokens = tokens
        self._verifier = verifier
        self._last_used = last_used

    async def authenticate(self, headers: Headers) -> Caller:
        """See `Authenticator`."""
        credentials = _credentials(headers)
        if not credentials:
            raise UnauthorizedError(
                "A token is required: send `Authorization: Bearer <token>`, or an API token as `Api-Key: <token>`.",
                given=False,
            )
        failures: list[GatewayError] = []
        for credential in credentials:
            try:
                return await self._check(credential)
            except (UnauthorizedError, UnavailableError) as failure:
                failures.append(failure)
        # A check that was not possible outweighs a wrong credential.
        raise next((failure for failure in failures if isinstance(failure, UnavailableError)), failures[0])

    async def _check(self, credential: _Credential) -> Caller:
        refusal: UnauthorizedError | None = None
        trouble: UnavailableError | None = None
        if credential.may_be_oidc:
            try:
                person = await self._verifier.verify(credential.token)
            except TokenError as error:
                refusal = UnauthorizedError(str(error), given=True)
            except IssuerError:
                trouble = UnavailableError(
                    "Tokens cannot be verified: the identity provider is unreachable. Try again later."
                )
            else:
                return Caller(
                    kind="oidc",
                    name=_digest(person.subject),
                    is_admin=person.is_admin,
                    groups=person.groups,
                    owner=_digest(person.subject),
                    key=hashlib.sha256(f"oidc:{person.subject}".encode()).digest(),
                )
        try:
            token = await self._tokens.find(credential.token)
            if token is not None:
                self._last_used.note(token.record)
                return _caller(token)
        except TokenTableError as error:
            trouble = error
        if refusal is not None:
            raise refusal
        raise trouble or UnauthorizedError("The token is unknown or has expired. Use a valid token.", given=True)


def _caller(token: ValidToken) -> Caller:
    record = token.record
    return Caller(
        kind="token",
        name=record.token_id,
        key=token.key,
        groups=record.groups,
        owner=_digest(record.owner) if record.is_of_user else record.owner,
        is_service=bool(record.owner) and not record.is_of_user,
        token_id=record.token_id,
        scopes=record.scopes,
    )


def _credentials(headers: Headers) -> list[_Credential]:
    found = []
    for name, value in headers:
        if name == b"authorization" and value[: len(_SCHEME)].lower() == _SCHEME:
            token = _text(value[len(_SCHEME) :])
            found.append(_Credential(token, may_be_oidc=token.count(".") == 2))
        elif name == b"api-key":
            found.append(_Credential(_text(value), may_be_oidc=False))
    return [credential for credential in found if credential.token][:_MOST_CREDENTIALS]


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", "replace")


def _digest(subject: str) -> str:
    """What a log may contain about a user: the same for each request, and no name."""
    return hashlib.sha256(subject.encode()).hexdigest()[:12]
