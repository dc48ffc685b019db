"""Where an issuer keeps its keys (OpenID Connect Discovery 1.0, sections 3 and 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lisa_oidc.errors import UnusableIssuerError


@dataclass(frozen=True)
class Issuer:
    """What is used of an issuer's discovery document.

    Attributes:
        name: what the tokens' `iss` must be, to the letter.
        jwks_uri: where its keys are.
    """

    name: str
    jwks_uri: str


def discovery_url(authority: str) -> str:
    """Address of the discovery document of an authority, which may end with a slash."""
    return authority.rstrip("/") + "/.well-known/openid-configuration"


def parse_discovery(document: Any, authority: str) -> Issuer:
    """Read a discovery document that was fetched from `discovery_url(authority)`.

    Raises:
        UnusableIssuerError: it is another issuer's (a slash at the end does not count), it names no keys, or keys over
            HTTP although the authority is HTTPS.
    """
    name = document.get("issuer") if isinstance(document, dict) else None
    jwks_uri = document.get("jwks_uri") if isinstance(document, dict) else None
    if not isinstance(name, str) or not isinstance(jwks_uri, str):
        raise UnusableIssuerError("The authority's discovery document lacks `issuer` or `jwks_uri`.")
    if name.rstrip("/") != authority.rstrip("/"):
        raise UnusableIssuerError(
            f"The authority is {authority}, but its discovery document is for the issuer {name}; "
            "set authConfig.authority to this issuer."
        )
    allowed = ("https",) if urlsplit(authority).scheme == "https" else ("http", "https")
    if urlsplit(jwks_uri).scheme not in allowed:
        raise UnusableIssuerError(f"The issuer's jwks_uri {jwks_uri} is not an {allowed[-1].upper()} address.")
    return Issuer(name=name, jwks_uri=jwks_uri)
