"""What a JSON web token is for: an issuer signs access and ID tokens with the same keys as logout tokens and others.

Sources: RFC 8725 (section 3.11), RFC 9068 (`at+jwt`), RFC 8417 (`secevent+jwt`), OpenID Connect Back-Channel Logout 1.0
(section 2.4), RFC 9449 (`dpop+jwt`), the Amazon Cognito Developer Guide (`token_use`), Keycloak's `typ` claim.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Mapping

from lisa_oidc.errors import MalformedTokenError, WrongTypeError

CALLER_TYPES = frozenset({"jwt", "at+jwt"})
"""Types of the headers of access and ID tokens."""

LOGOUT_TYPES = frozenset({"jwt", "logout+jwt"})
"""Types of the headers of logout tokens, to which not every provider gives the one of their own."""

_CLAIMS: Mapping[str, frozenset[str]] = {
    "token_use": frozenset({"access", "id"}),
    "token_type": frozenset({"access", "access_token", "bearer", "id", "id_token"}),
    "typ": frozenset({"at+jwt", "bearer", "id", "jwt"}),
}
_MEDIA_PREFIX = "application/"

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
"""The event that a logout token tells of (OpenID Connect Back-Channel Logout 1.0, section 2.4)."""


def check_header_type(header: Mapping[str, Any], accepted: AbstractSet[str]) -> None:
    """Check the `typ` of a token's header; it may be absent, as it is in ID tokens of some issuers.

    Raises:
        MalformedTokenError: it is not a text.
        WrongTypeError: it is none of the accepted ones.
    """
    found = header.get("typ")
    if found is None:
        return
    if not isinstance(found, str):
        raise MalformedTokenError("The token's `typ` must be a string.")
    # RFC 7515, section 4.1.9: a media type without its prefix, in any case.
    name = found.lower()
    if name.startswith(_MEDIA_PREFIX):
        name = name[len(_MEDIA_PREFIX) :]
    if name not in accepted:
        raise _refusal() if accepted is CALLER_TYPES else _no_logout_token()


def check_claimed_type(claims: Mapping[str, Any]) -> None:
    """Check what the claims of a token say that it is for.

    Raises:
        WrongTypeError: it is a refresh, logout, action or other token, or tells of events (RFC 8417).
    """
    for name, accepted in _CLAIMS.items():
        found = claims.get(name)
        if found is not None and not (isinstance(found, str) and found.lower() in accepted):
            raise _refusal()
    if "events" in claims:
        raise _refusal()


def check_logout_type(claims: Mapping[str, Any]) -> None:
    """Check that claims are those of a logout token, and cannot be taken for those of an ID token.

    Raises:
        WrongTypeError: `events` does not say so, or there is a `nonce`, or Keycloak's `typ` is another one.
    """
    events = claims.get("events")
    if not (isinstance(events, Mapping) and isinstance(events.get(LOGOUT_EVENT), Mapping)) or "nonce" in claims:
        raise _no_logout_token()
    kind = claims.get("typ")
    if kind is not None and not (isinstance(kind, str) and kind.lower() == "logout"):
        raise _no_logout_token()


def _refusal() -> WrongTypeError:
    return WrongTypeError("The token is neither an access token nor an ID token; send one of these.")


def _no_logout_token() -> WrongTypeError:
    return WrongTypeError("The token is not a logout token.")
