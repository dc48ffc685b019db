"""Verification of OpenID Connect tokens, for the gateway and the Lambda functions; it runs on Python 3.8 and later.

Whoever has a token reads its header (`read_header`), finds its key (`KeyStore.find`, after a fetch when `is_due`) and
verifies it (`verify`). The gateway fetches with its own asynchronous client; `BlockingVerifier` does all of it at once.
"""

from lisa_oidc.blocking import BlockingVerifier, fetch_json
from lisa_oidc.discovery import Issuer, discovery_url, parse_discovery
from lisa_oidc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    ImmatureTokenError,
    IssuerError,
    MalformedTokenError,
    MissingClaimError,
    OidcError,
    RefusedAlgorithmError,
    SignedOutError,
    TokenError,
    UnknownKeyError,
    UnreachableIssuerError,
    UnusableIssuerError,
    WrongAudienceError,
    WrongIssuerError,
    WrongTypeError,
)
from lisa_oidc.groups import groups_at
from lisa_oidc.key_store import KeyStore
from lisa_oidc.keys import ALGORITHMS, Key, parse_keys
from lisa_oidc.logout import LONGEST_TOKEN_SECONDS, LogoutToken, check_signed_in, keys_of
from lisa_oidc.verification import Caller, Expectation, Header, read_header, verify

__all__ = [
    "ALGORITHMS",
    "LONGEST_TOKEN_SECONDS",
    "BadSignatureError",
    "BlockingVerifier",
    "Caller",
    "Expectation",
    "ExpiredTokenError",
    "Header",
    "ImmatureTokenError",
    "Issuer",
    "IssuerError",
    "Key",
    "KeyStore",
    "LogoutToken",
    "MalformedTokenError",
    "MissingClaimError",
    "OidcError",
    "RefusedAlgorithmError",
    "SignedOutError",
    "TokenError",
    "UnknownKeyError",
    "UnreachableIssuerError",
    "UnusableIssuerError",
    "WrongAudienceError",
    "WrongIssuerError",
    "WrongTypeError",
    "check_signed_in",
    "discovery_url",
    "fetch_json",
    "groups_at",
    "keys_of",
    "parse_discovery",
    "parse_keys",
    "read_header",
    "verify",
]
