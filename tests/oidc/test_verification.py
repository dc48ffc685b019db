"""Tokens: which are accepted, which are refused, and with which error."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lisa_oidc import (
    BadSignatureError,
    Expectation,
    ExpiredTokenError,
    ImmatureTokenError,
    MalformedTokenError,
    MissingClaimError,
    RefusedAlgorithmError,
    TokenError,
    WrongAudienceError,
    WrongIssuerError,
    WrongTypeError,
    parse_keys,
    read_header,
    verify,
)
from lisa_oidc.verification import Caller
from oidc.issuer import AUTHORITY, CLIENT_ID, SigningKey, claims

NOW = int(time.time())
_DAY = 86_400  # the tests may run long after NOW was taken
KEY = SigningKey()


def accept(token: str, key: SigningKey = KEY, **expected: str) -> Caller:
    (public,) = parse_keys({"keys": [key.jwk()]})
    expectation = Expectation(**{"client_id": CLIENT_ID, **expected})
    return verify(token, header=read_header(token), key=public, issuer=AUTHORITY, expectation=expectation)


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"])
def test_every_algorithm_of_the_allowlist(algorithm: str) -> None:
    key = SigningKey(algorithm=algorithm)
    assert accept(key.token(), key).subject == "u-1"


@pytest.mark.parametrize(
    ("others", "error"),
    [
        ({"exp": NOW - _DAY}, ExpiredTokenError),
        ({"nbf": NOW + _DAY}, ImmatureTokenError),
        ({"iat": NOW + _DAY}, ImmatureTokenError),
        ({"iss": "https://idp.example.com/realms/other"}, WrongIssuerError),
        ({"iss": f"{AUTHORITY}/"}, WrongIssuerError),
        ({"aud": "other-client"}, WrongAudienceError),
        ({"aud": ["other-client"]}, WrongAudienceError),
        ({"aud": f"{CLIENT_ID}-2"}, WrongAudienceError),
        ({"aud": {CLIENT_ID: True}}, WrongAudienceError),
        ({"aud": None}, WrongAudienceError),
        ({"aud": None, "client_id": CLIENT_ID}, WrongAudienceError),
        ({"aud": None, "client_id": CLIENT_ID, "token_use": "id"}, WrongAudienceError),
        ({"aud": None, "client_id": "other-client", "token_use": "access"}, WrongAudienceError),
        *(({name: None}, MissingClaimError) for name in ("exp", "iat", "iss", "sub")),
        ({"exp": "soon"}, TokenError),
        ({"exp": [1]}, TokenError),
        ({"sub": ""}, MalformedTokenError),
        ({"sub": 7}, MalformedTokenError),
    ],
)
def test_claims_that_are_refused(others: dict[str, Any], error: type[TokenError]) -> None:
    with pytest.raises(error):
        accept(KEY.token(claims(**others)))


@pytest.mark.parametrize(
    "others",
    [
        {"nbf": NOW - _DAY},
        {"aud": ["other-client", CLIENT_ID]},
        {"aud": None, "client_id": CLIENT_ID, "token_use": "access"},
    ],
)
def test_claims_that_are_accepted(others: dict[str, Any]) -> None:
    assert accept(KEY.token(claims(**others))).subject == "u-1"


def test_clocks_may_differ_by_some_seconds() -> None:
    now = int(time.time())
    assert accept(KEY.token(claims(exp=now - 3, iat=now + 3, nbf=now + 3))).subject == "u-1"


def test_unsigned_tokens_are_refused() -> None:
    unsigned = f"{encoded({'alg': 'none', 'kid': 'first'})}.{encoded(claims())}."
    with pytest.raises(RefusedAlgorithmError):
        accept(unsigned)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_as_a_shared_secret_is_refused(algorithm: str) -> None:
    public = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = f"{encoded({'alg': algorithm, 'kid': 'first'})}.{encoded(claims())}"
    implementation = jwt.get_algorithm_by_name(algorithm)
    signature = base64.urlsafe_b64encode(implementation.sign(signing_input.encode(), public)).rstrip(b"=").decode()
    with pytest.raises(RefusedAlgorithmError):
        accept(f"{signing_input}.{signature}")


def test_another_key_of_the_same_id_is_refused() -> None:
    with pytest.raises(BadSignatureError):
        accept(SigningKey().token())


def test_a_changed_payload_is_refused() -> None:
    header, _, signature = KEY.token().split(".")
    with pytest.raises(BadSignatureError):
        accept(f"{header}.{encoded(claims(sub='u-2'))}.{signature}")


def test_an_algorithm_that_is_not_the_keys_is_refused() -> None:
    token = SigningKey(algorithm="ES256").token()
    with pytest.raises(RefusedAlgorithmError):
        accept(token)


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b", "a.b.c", "....", f"{encoded([1])}.e30.e30", f"{encoded('x')}.e30.e30", "é.é.é", "[" * 9000],
)
def test_what_is_no_token_is_malformed(token: str) -> None:
    with pytest.raises(MalformedTokenError):
        read_header(token)


def test_deeply_nested_headers_are_malformed() -> None:
    nested = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(MalformedTokenError):
        read_header(f"{nested}.e30.e30")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"kid": 7}, {"typ": 7}])
def test_headers_that_cannot_be_honoured_are_malformed(header: dict[str, Any]) -> None:
    token = f"{encoded({'alg': 'RS256', **header})}.{encoded(claims())}.e30"
    with pytest.raises(MalformedTokenError):
        read_header(token)


ACCEPTED_TYPES = ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", None]
REFUSED_TYPES = [
    *(
        "logout+jwt",
        "application/logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
    ),
    *("client-authentication+jwt", "entity-statement+jwt", "vc+sd-jwt", "Refresh"),
]


@pytest.mark.parametrize("header_type", ACCEPTED_TYPES)
def test_types_of_access_and_id_tokens_are_accepted(header_type: str | None) -> None:
    assert accept(KEY.token(typ=header_type)).subject == "u-1"


@pytest.mark.parametrize("header_type", REFUSED_TYPES)
def test_other_types_are_refused(header_type: str) -> None:
    with pytest.raises(WrongTypeError):
        accept(KEY.token(typ=header_type))


@pytest.mark.parametrize(
    "others",
    [
        *({"typ": kind} for kind in ("Refresh", "Offline", "Logout", "DPoP", "Initial-Access-Token", 7, ["Bearer"])),
        *({"token_use": kind} for kind in ("refresh", "", True)),
        *({"token_type": kind} for kind in ("refresh", "Refresh")),
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "sid": "s-1"},
        {"aud": None, "client_id": CLIENT_ID, "token_use": "id"},
    ],
)
def test_tokens_that_claim_another_use_are_refused(others: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        accept(KEY.token(claims(**others)))


@pytest.mark.parametrize(
    "others",
    [{"typ": "Bearer"}, {"typ": "ID"}, {"token_use": "id"}, {"token_type": "Bearer"}, {"nonce": "n-1", "typ": "ID"}],
)
def test_tokens_that_claim_to_be_access_or_id_tokens_are_accepted(others: dict[str, Any]) -> None:
    assert accept(KEY.token(claims(**others))).subject == "u-1"


def test_the_caller() -> None:
    end = NOW + _DAY
    named = {"cognito:username": "ada", "cognito:groups": ["staff", "admins"], "sid": "s-1"}
    token = KEY.token(claims(**named, exp=end, iat=NOW))
    caller = accept(token, groups_path="cognito:groups", admin_group="admins")
    assert caller == Caller(
        subject="u-1",
        username="ada",
        groups=("staff", "admins"),
        is_admin=True,
        expires=end,
        issued=NOW,
        session="s-1",
    )


@pytest.mark.parametrize(
    ("expected", "is_admin"),
    [
        ({"groups_path": "groups", "admin_group": "admins"}, True),
        ({"groups_path": "groups", "admin_group": "admin"}, False),
        ({"groups_path": "groups", "admin_group": ""}, False),
        ({"groups_path": "", "admin_group": "admins"}, False),
        ({"groups_path": "roles", "admin_group": "admins"}, False),
    ],
)
def test_who_is_an_administrator(expected: dict[str, str], is_admin: bool) -> None:
    assert accept(KEY.token(claims(groups=["admins", ""])), **expected).is_admin is is_admin


def test_the_subject_is_the_name_of_whom_has_no_other() -> None:
    assert accept(KEY.token(claims(email="", username=7))).username == "u-1"


def test_errors_name_no_claims_value() -> None:
    with pytest.raises(TokenError) as caught:
        accept(KEY.token(claims(aud="somebody-elses-application")))
    assert "somebody" not in str(caught.value)
