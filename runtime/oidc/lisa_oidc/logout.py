"""Logout tokens (OpenID Connect Back-Channel Logout 1.0), and which tokens a sign-out ends.

A sign-out is recorded as a time under one or two keys, and a caller's token is looked up under two others:

- `session:`: tokens of one session of the provider, those whose `sid` it is;
- `sessionless:`: tokens of a person that name no session, which a sign-out of any session of this person ends;
- `person:`: all tokens of a person, for a logout token that names no session.

Keys hold digests, so that their length is bounded and the table has no names of users. What counts is the provider's
clock: it issues the logout token as well as the tokens that it ends.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, Iterable

from lisa_oidc.errors import (
    ExpiredTokenError,
    MalformedTokenError,
    MissingClaimError,
    SignedOutError,
    WrongAudienceError,
)
from lisa_oidc.keys import Key
from lisa_oidc.token_types import check_logout_type
from lisa_oidc.verification import LEEWAY_SECONDS, Caller, Header, decode_claims

FRESH_SECONDS = 300
"""A logout token that is older is refused, however long it says that it is valid: its `jti` is kept for this time."""

LONGEST_TOKEN_SECONDS = 86400
"""With sign-outs, a caller's token counts for a day at most: sign-outs are kept as long, and no longer. It is the most
that Amazon Cognito has for access and ID tokens (Amazon Cognito Developer Guide, "Quotas")."""

_REQUIRED = ("aud", "exp", "iat", "iss", "jti")


@dataclass(frozen=True)
class LogoutToken:
    """What a verified logout token says.

    Attributes:
        token_id: its id (`jti`), by which it is recognized when it is sent again.
        subject: the person who signed out; None when it names the session alone.
        session: the session that ended (`sid`); None for all of the person.
        issued: when the provider made it, in UNIX seconds: what was issued until then has ended.
    """

    token_id: str
    subject: str | None
    session: str | None
    issued: float

    @property
    def replay_key(self) -> str:
        """Key under which the table keeps that it was received."""
        return _key("logout", self.token_id)

    @property
    def ended_keys(self) -> tuple[str, ...]:
        """Keys under which the table keeps what it ended."""
        if self.session is None:
            return (_key("person", self.subject or ""),)
        ended = (_key("session", self.session),)
        return ended if self.subject is None else (*ended, _key("sessionless", self.subject))


def verify_logout(
    token: str, *, header: Header, key: Key, issuer: str, client_id: str, now: float | None = None
) -> LogoutToken:
    """Verify a logout token (section 2.6): its signature first, then issuer, times, audience, and what it is for.

    Whether it was received before is for who keeps the ids to say.

    Args:
        token: the token.
        header: what `read_header` gave of it for `LOGOUT_TYPES`.
        key: what `KeyStore.find` gave for that.
        issuer: name of the issuer, from its discovery document.
        client_id: the client that it must be made for.
        now: UNIX seconds.

    Raises:
        TokenError: the token is refused; its class says why.
    """
    claims = decode_claims(token, header=header, key=key, issuer=issuer, required=_REQUIRED)
    check_logout_type(claims)
    audience = claims["aud"]
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise WrongAudienceError("The token was not issued for this application.")
    issued = float(claims["iat"])
    if (time.time() if now is None else now) - issued > FRESH_SECONDS + LEEWAY_SECONDS:
        raise ExpiredTokenError("The logout token is too old.")
    subject, session = _text(claims, "sub"), _text(claims, "sid")
    if subject is None and session is None:
        raise MissingClaimError("The logout token has neither `sub` nor `sid`.")
    token_id = _text(claims, "jti")
    if token_id is None:
        raise MissingClaimError("The token lacks the claim `jti`.")
    return LogoutToken(token_id=token_id, subject=subject, session=session, issued=issued)


def keys_of(caller: Caller) -> tuple[str, str]:
    """Keys under which sign-outs of a caller are looked up; they always are two, for one look-up."""
    person = _key("person", caller.subject)
    if caller.session is None:
        return person, _key("sessionless", caller.subject)
    return person, _key("session", caller.session)


def check_signed_in(caller: Caller, ended: Iterable[float], now: float | None = None) -> None:
    """Check that a caller's token is younger than all sign-outs under `keys_of(caller)`.

    Args:
        caller: whom the token speaks for.
        ended: times of these sign-outs, in UNIX seconds.
        now: UNIX seconds.

    Raises:
        SignedOutError: the session ended after the token was issued.
        ExpiredTokenError: the token is older than sign-outs are kept.
    """
    if any(caller.issued <= time_of_end for time_of_end in ended):
        raise SignedOutError("The session has ended. Sign in again.")
    if (time.time() if now is None else now) - caller.issued > LONGEST_TOKEN_SECONDS:
        raise ExpiredTokenError("The token is too old. Sign in again.")


def _text(claims: dict[str, Any], name: str) -> str | None:
    """A claim that is a text, if it is there."""
    found = claims.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or not found:
        raise MalformedTokenError(f"The token's `{name}` must be a string.")
    return found


def _key(kind: str, value: str) -> str:
    return f"{kind}:{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()}"
