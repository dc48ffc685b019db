"""The public keys of an issuer (RFC 7517), each with the algorithms that it may verify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt.algorithms as implementations
from jwt.exceptions import PyJWTError

from lisa_oidc.errors import UnusableIssuerError

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_RSA_MINIMUM_BITS = 2048
_BY_CURVE: dict[tuple[str, str], frozenset[str]] = {
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
    ("OKP", "Ed448"): frozenset({"EdDSA"}),
}
# A private key that is published by mistake is still read as a public one.
_PUBLIC_MEMBERS = frozenset({"kty", "crv", "x", "y", "n", "e"})
_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "RSA": implementations.RSAAlgorithm.from_jwk,
    "EC": implementations.ECAlgorithm.from_jwk,
    "OKP": implementations.OKPAlgorithm.from_jwk,
}

ALGORITHMS: frozenset[str] = _RSA.union(*_BY_CURVE.values())
"""The allowlist: asymmetric ones alone, so that `none` and HS256 with a public key as its secret have no way in."""


@dataclass(frozen=True)
class Key:
    """A public key.

    Attributes:
        id: its `kid`; None when the issuer gives it none.
        algorithms: what it may verify: those of its type and curve, or the one that the issuer says.
        public: the key itself, as the library `cryptography` has it.
    """

    id: str | None
    algorithms: frozenset[str]
    public: Any


def parse_keys(document: Any) -> tuple[Key, ...]:
    """Read a JSON web key set.

    Keys that are not for signatures, of another type or too short are left out, as RFC 7517 (section 5) wants of keys
    that one does not understand.

    Raises:
        UnusableIssuerError: it is not a key set, or none of its keys can be used.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise UnusableIssuerError("The issuer's jwks_uri did not return a JSON web key set.")
    keys = tuple(key for key in map(_key, entries) if key is not None)
    if not keys:
        raise UnusableIssuerError("The issuer's key set has no usable signing key.")
    return keys


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or not _is_for_signatures(entry):
        return None
    kind = str(entry.get("kty"))
    algorithms = _RSA if kind == "RSA" else _BY_CURVE.get((kind, str(entry.get("crv"))), frozenset())
    if entry.get("alg") is not None:
        algorithms = algorithms & {str(entry["alg"])}
    if not algorithms:
        return None
    try:
        public = _READERS[kind]({name: value for name, value in entry.items() if name in _PUBLIC_MEMBERS})
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if kind == "RSA" and public.key_size < _RSA_MINIMUM_BITS:
        return None
    identifier = entry.get("kid")
    return Key(id=identifier if isinstance(identifier, str) else None, algorithms=algorithms, public=public)


def _is_for_signatures(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops")
    return entry.get("use", "sig") == "sig" and (operations is None or "verify" in operations)
