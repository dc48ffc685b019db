"""What a JSON web token is for: an issuer signs access and ID tokens with the same keys as logout tokens and others.

Sources: RFC 8725 (section 3.11), RFC 9068 (`at+jwt`), RFC 8417 (`secevent+jwt`), OpenID Connect Back-Channel Logout 1.0
(section 2.4), RFC 9449 (`dpop+jwt`), the Amazon Cognito Developer Guide (`token_use`), Keycloak's `typ` claim.
"""

from __future__ import annotations

from typing import Any, Mapping

from lisa_oidc.errors import MalformedTokenError, WrongTypeError

_HEADER_TYPES = frozenset({"jwt", "at+jwt"})
_CLAIMS: Mapping[str, frozenset[str]] = {
    "token_use": frozenset({"access", "id"}),
    "token_type": frozenset({"access", "access_token", "bearer", "id", "id_token"}),
    "typ": frozenset({"at+jwt", "bearer", "id", "jwt"}),
}
_MEDIA_PREFIX = "application/"


def check_header_type(header: Mapping[str, Any]) -> None:
    """Check the `typ` of a token's header; it may be absent, as it is in ID tokens of some issuers.

    Raises:
        MalformedTokenError: it is not a text.
        WrongTypeError: it is neither that of an access token nor that of an ID token.
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
    if name not in _HEADER_TYPES:
        raise _refusal()


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


def _refusal() -> WrongTypeError:
    return WrongTypeError("The token is neither an access token nor an ID token; send one of these.")
