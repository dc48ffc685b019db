"""An issuer in memory: its keys, its documents, and the tokens that it makes."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUTHORITY = "https://idp.example.com/realms/lisa"
CLIENT_ID = "lisa-client"


def claims(**others: Any) -> dict[str, Any]:
    """Claims of a good token; None leaves one out."""
    now = int(time.time())
    given: dict[str, Any] = {"iss": AUTHORITY, "aud": CLIENT_ID, "sub": "u-1", "iat": now, "exp": now + 600} | others
    return {name: value for name, value in given.items() if value is not None}


class SigningKey:
    """A private key with its key id and algorithm."""

    def __init__(self, key_id: str | None = "first", algorithm: str = "RS256", *, bits: int = 2048) -> None:
        self.key_id = key_id
        self.algorithm = algorithm
        self.private: Any
        if algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        elif algorithm.startswith("ES"):
            curve = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}[algorithm]
            self.private = ec.generate_private_key(curve)
        else:
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def jwk(self, **others: Any) -> dict[str, Any]:
        """Its public half as the issuer publishes it."""
        reader = {"E": ECAlgorithm, "R": RSAAlgorithm, "P": RSAAlgorithm}[self.algorithm[0]]
        writer: Any = OKPAlgorithm if self.algorithm == "EdDSA" else reader
        found = json.loads(writer.to_jwk(self.private.public_key()))
        found.pop("key_ops", None)
        return found | {"use": "sig"} | ({"kid": self.key_id} if self.key_id else {}) | others

    def token(self, payload: dict[str, Any] | None = None, **header: Any) -> str:
        """A token that it signs."""
        named = {"kid": self.key_id} if self.key_id else {}
        return jwt.encode(payload or claims(), self.private, self.algorithm, headers=named | header)


class Documents:
    """What the issuer answers by address, and how often it was asked."""

    def __init__(self, *keys: SigningKey, issuer: str = AUTHORITY) -> None:
        self.keys = list(keys)
        self.issuer = issuer
        self.asked: list[str] = []
        self.failure: Exception | None = None

    def __call__(self, url: str) -> Any:
        self.asked.append(url)
        if self.failure:
            raise self.failure
        if url.endswith("/.well-known/openid-configuration"):
            return {"issuer": self.issuer, "jwks_uri": f"{AUTHORITY}/keys"}
        return {"keys": [key.jwk() for key in self.keys]}


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
