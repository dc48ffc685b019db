"""Key sets and discovery documents: what is read, what is left out, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_oidc import ALGORITHMS, Issuer, UnusableIssuerError, discovery_url, parse_discovery, parse_keys
from oidc.issuer import AUTHORITY, SigningKey

GOOD = SigningKey()


def test_a_key_verifies_the_algorithms_of_its_type() -> None:
    (key,) = parse_keys({"keys": [GOOD.jwk()]})
    assert key.algorithms == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}


def test_a_key_verifies_the_algorithm_that_its_issuer_says() -> None:
    (key,) = parse_keys({"keys": [GOOD.jwk(alg="RS256")]})
    assert key.algorithms == {"RS256"}


def test_the_allowlist_has_no_shared_secrets() -> None:
    assert not [name for name in ALGORITHMS if name == "none" or name.startswith("HS")]


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {"kty": "RSA", "kid": "no numbers"},
        {"kty": "RSA", "kid": "not base64", "n": "!", "e": "AQAB"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "new"},
        "text",
        None,
        GOOD.jwk(use="enc"),
        GOOD.jwk(key_ops=["encrypt"]),
        GOOD.jwk(alg="HS256"),
        GOOD.jwk(alg="RSA-OAEP"),
        SigningKey(bits=1024).jwk(),
    ],
)
def test_keys_that_cannot_be_used_are_left_out(entry: Any) -> None:
    (key,) = parse_keys({"keys": [entry, SigningKey("other").jwk()]})
    assert key.id == "other"


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": []}, {"keys": [{"kty": "oct"}]}])
def test_a_set_without_keys_is_refused(document: Any) -> None:
    with pytest.raises(UnusableIssuerError):
        parse_keys(document)


def test_a_private_key_is_read_as_a_public_one() -> None:
    numbers = GOOD.private.private_numbers()
    private = {"d": "AQAB", "p": str(numbers.p), "q": str(numbers.q)}
    (key,) = parse_keys({"keys": [GOOD.jwk(**private)]})
    assert key.public.public_numbers() == GOOD.private.public_key().public_numbers()


@pytest.mark.parametrize("authority", [AUTHORITY, f"{AUTHORITY}/"])
def test_where_the_discovery_document_is(authority: str) -> None:
    assert discovery_url(authority) == f"{AUTHORITY}/.well-known/openid-configuration"


@pytest.mark.parametrize("authority", [AUTHORITY, f"{AUTHORITY}/"])
@pytest.mark.parametrize("name", [AUTHORITY, f"{AUTHORITY}/"])
def test_a_slash_at_the_end_makes_no_difference(authority: str, name: str) -> None:
    document = {"issuer": name, "jwks_uri": f"{AUTHORITY}/keys"}
    assert parse_discovery(document, authority) == Issuer(name=name, jwks_uri=f"{AUTHORITY}/keys")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "lacks"),
        ({}, "lacks"),
        ({"issuer": AUTHORITY}, "lacks"),
        ({"issuer": AUTHORITY, "jwks_uri": 1}, "lacks"),
        ({"issuer": "https://evil.example.com", "jwks_uri": "https://evil.example.com/keys"}, "authConfig.authority"),
        ({"issuer": AUTHORITY, "jwks_uri": "http://idp.example.com/keys"}, "HTTPS"),
        ({"issuer": AUTHORITY, "jwks_uri": "file:///etc/passwd"}, "HTTPS"),
    ],
)
def test_documents_that_are_refused(document: Any, said: str) -> None:
    with pytest.raises(UnusableIssuerError, match=said):
        parse_discovery(document, AUTHORITY)


def test_plain_http_is_for_an_authority_of_plain_http() -> None:
    document = {"issuer": "http://127.0.0.1:9", "jwks_uri": "http://127.0.0.1:9/keys"}
    assert parse_discovery(document, "http://127.0.0.1:9").jwks_uri == "http://127.0.0.1:9/keys"
