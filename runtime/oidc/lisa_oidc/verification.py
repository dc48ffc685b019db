"""From a token to the caller it speaks for (RFC 7519; OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import AbstractSet, Any, Sequence

import jwt
from jwt import exceptions

from lisa_oidc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    ImmatureTokenError,
    MalformedTokenError,
    MissingClaimError,
    RefusedAlgorithmError,
    TokenError,
    WrongAudienceError,
    WrongIssuerError,
)
from lisa_oidc.groups import groups_at
from lisa_oidc.keys import ALGORITHMS, Key
from lisa_oidc.token_types import CALLER_TYPES, check_claimed_type, check_header_type

LEEWAY_SECONDS = 10
"""How far the issuer's clock and this machine's may be apart."""

_REQUIRED = ["exp", "iat", "iss", "sub"]
_USERNAMES = ("cognito:username", "preferred_username", "username", "email")


@dataclass(frozen=True)
class Expectation:
    """What tokens must be like, and where they say who may do more.

    Attributes:
        client_id: the client that they must be made for.
        groups_path: dot path of the caller's groups, as `groups_at` reads it; empty for none.
        admin_group: the group of administrators; empty for none.
    """

    client_id: str
    groups_path: str = ""
    admin_group: str = ""


@dataclass(frozen=True)
class Header:
    """What a token's header says of how to verify it; nothing of it is trusted yet."""

    key_id: str | None
    algorithm: str


@dataclass(frozen=True)
class Caller:
    """Whom a verified token speaks for.

    Attributes:
        subject: the issuer's unchanging name of the person; what things are kept under.
        username: a name for people to read, which may change.
        groups: groups of the person, as the token has them.
        is_admin: whether the group of administrators is among them.
        expires: when the token ends, in UNIX seconds.
        issued: when it was made, in UNIX seconds.
        session: the session at the identity provider that it belongs to; None when it names none.
    """

    subject: str
    username: str
    groups: tuple[str, ...]
    is_admin: bool
    expires: float
    issued: float = 0.0
    session: str | None = None


def read_header(token: str, types: AbstractSet[str] = CALLER_TYPES) -> Header:
    """Read the header of a token.

    Args:
        token: the token.
        types: what its `typ` may be, in lower case.

    Raises:
        MalformedTokenError: it is not a JSON web token, or needs an extension (`crit`), of which none is known here.
        RefusedAlgorithmError: its algorithm is not in the allowlist.
        WrongTypeError: its type is another one, by default neither that of an access token nor that of an ID token.
    """
    try:
        header = jwt.get_unverified_header(token)
    except (exceptions.PyJWTError, ValueError, RecursionError):
        raise MalformedTokenError("The token is not a JSON web token.") from None
    check_header_type(header, types)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise RefusedAlgorithmError("The token's signature algorithm is not accepted.")
    if "crit" in header or not (key_id is None or isinstance(key_id, str)):
        raise MalformedTokenError("The token's header has an unsupported member.")
    return Header(key_id=key_id, algorithm=algorithm)


def verify(token: str, *, header: Header, key: Key, issuer: str, expectation: Expectation) -> Caller:
    """Verify a token: its signature first, then issuer, times, type and audience.

    The audience (`aud`) must hold the client id. An access token of Amazon Cognito has no audience; its `client_id`
    must be the client id, and its `token_use` must be `access` (Amazon Cognito Developer Guide, "Understanding the
    access token").

    Args:
        token: the token.
        header: what `read_header` gave of it.
        key: what `KeyStore.find` gave for that.
        issuer: name of the issuer, from its discovery document.
        expectation: what the token must be like.

    Raises:
        TokenError: the token is refused; its class says why.
    """
    claims = decode_claims(token, header=header, key=key, issuer=issuer, required=_REQUIRED)
    check_claimed_type(claims)
    if not _is_for(claims, expectation.client_id):
        raise WrongAudienceError("The token was not issued for this application.")
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject:
        raise MalformedTokenError("The token's subject must be a string.")
    named = (claims[name] for name in _USERNAMES if isinstance(claims.get(name), str) and claims[name])
    groups = groups_at(claims, expectation.groups_path)
    return Caller(
        subject=subject,
        username=next(named, subject),
        groups=groups,
        is_admin=bool(expectation.admin_group) and expectation.admin_group in groups,
        expires=float(claims["exp"]),
        issued=float(claims["iat"]),
        session=session if isinstance(session := claims.get("sid"), str) and session else None,
    )


def decode_claims(token: str, *, header: Header, key: Key, issuer: str, required: Sequence[str]) -> dict[str, Any]:
    """The claims of a token, after its signature, issuer and times are verified; its audience and type are not.

    Raises:
        TokenError: the token is refused; its class says why.
    """
    if header.algorithm not in key.algorithms:
        raise RefusedAlgorithmError("The token's signature algorithm does not match its key.")
    try:
        return jwt.decode(
            token,
            key.public,
            algorithms=[header.algorithm],
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": list(required), "verify_aud": False},
        )
    except exceptions.PyJWTError as error:
        raise _refusal(error) from None
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise MalformedTokenError("A claim of the token has the wrong type.") from None


def _refusal(error: exceptions.PyJWTError) -> TokenError:
    if isinstance(error, exceptions.ExpiredSignatureError):
        return ExpiredTokenError("The token has expired.")
    if isinstance(error, exceptions.ImmatureSignatureError):
        return ImmatureTokenError("The token is not valid yet.")
    if isinstance(error, exceptions.InvalidIssuerError):
        return WrongIssuerError("The token is from a different issuer.")
    if isinstance(error, exceptions.MissingRequiredClaimError):
        return MissingClaimError(f"The token lacks the claim `{error.claim}`.")
    if isinstance(error, exceptions.InvalidSignatureError):
        return BadSignatureError("The token's signature is not valid.")
    return MalformedTokenError("The token is not a valid JSON web token.")


def _is_for(claims: dict[str, Any], client_id: str) -> bool:
    audience = claims.get("aud")
    if audience is None:
        return claims.get("token_use") == "access" and claims.get("client_id") == client_id
    return client_id in audience if isinstance(audience, list) else audience == client_id
