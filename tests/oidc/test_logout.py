"""Logout tokens, as a hostile peer sends them too, and which tokens a sign-out ends."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lisa_oidc import (
    BadSignatureError,
    BlockingVerifier,
    Caller,
    Expectation,
    ExpiredTokenError,
    ImmatureTokenError,
    LogoutToken,
    MalformedTokenError,
    MissingClaimError,
    RefusedAlgorithmError,
    SignedOutError,
    TokenError,
    UnknownKeyError,
    WrongAudienceError,
    WrongIssuerError,
    WrongTypeError,
    check_signed_in,
    keys_of,
)
from oidc.issuer import AUTHORITY, CLIENT_ID, Documents, SigningKey, claims

KEY, OTHER = SigningKey("first"), SigningKey("first")
EVENT = "http://schemas.openid.net/event/backchannel-logout"
DAY = 86400


def logout_claims(**others: Any) -> dict[str, Any]:
    """Claims of a good logout token; None leaves one out."""
    now = int(time.time())
    return claims(**{"jti": "j-1", "sid": "s-1", "events": {EVENT: {}}, "iat": now, "exp": now + 120, **others})


def accept(token: str) -> LogoutToken:
    verifier = BlockingVerifier(AUTHORITY, Expectation(client_id=CLIENT_ID), fetch=Documents(KEY))
    return verifier.verify_logout(token)


def caller(**others: Any) -> Caller:
    named = {"subject": "u-1", "username": "ada", "groups": (), "is_admin": False, "expires": 0.0, "issued": 100.0}
    return Caller(**{**named, **others})


@pytest.mark.parametrize("kind", ["logout+jwt", "application/logout+jwt", "JWT", None])
def test_a_logout_token_is_accepted(kind: str | None) -> None:
    content = logout_claims(aud=["other", CLIENT_ID])
    found = accept(KEY.token(content, typ=kind))
    assert found == LogoutToken(token_id="j-1", subject="u-1", session="s-1", issued=content["iat"])


@pytest.mark.parametrize(
    ("others", "refusal"),
    [
        ({"iss": "https://idp.example.com/realms/other"}, WrongIssuerError),
        ({"aud": "other"}, WrongAudienceError),
        ({"aud": None, "client_id": CLIENT_ID, "token_use": "access"}, MissingClaimError),
        ({"aud": []}, WrongAudienceError),
        ({"aud": {CLIENT_ID: 1}}, WrongAudienceError),
        ({"iat": int(time.time()) - 3600}, ExpiredTokenError),
        ({"iat": int(time.time()) + 3600}, ImmatureTokenError),
        ({"iat": None}, MissingClaimError),
        ({"iat": "now"}, TokenError),
        ({"exp": int(time.time()) - 60}, ExpiredTokenError),
        ({"exp": None}, MissingClaimError),
        ({"jti": None}, MissingClaimError),
        ({"jti": ""}, MalformedTokenError),
        ({"jti": 7}, TokenError),
        ({"sub": None, "sid": None}, MissingClaimError),
        ({"sub": ["u-1"]}, TokenError),
        ({"sid": 7}, MalformedTokenError),
        ({"sid": ""}, MalformedTokenError),
        ({"nonce": "n-1"}, WrongTypeError),
        ({"nonce": ""}, WrongTypeError),
        ({"events": None}, WrongTypeError),
        ({"events": {}}, WrongTypeError),
        ({"events": [EVENT]}, WrongTypeError),
        ({"events": {EVENT: None}}, WrongTypeError),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, WrongTypeError),
        ({"typ": "Bearer"}, WrongTypeError),
    ],
)
def test_claims_that_are_refused(others: dict[str, Any], refusal: type[TokenError]) -> None:
    with pytest.raises(refusal):
        accept(KEY.token(logout_claims(**others)))


def test_a_forged_token_is_refused() -> None:
    with pytest.raises(BadSignatureError):
        accept(OTHER.token(logout_claims()))
    with pytest.raises(UnknownKeyError):
        accept(SigningKey("invented").token(logout_claims()))


def test_an_algorithm_without_a_private_key_is_refused() -> None:
    with pytest.raises(RefusedAlgorithmError):
        accept(jwt.encode(logout_claims(), None, "none", headers={"kid": "first"}))
    public = KEY.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    parts = ({"alg": "HS256", "kid": "first"}, logout_claims())
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    code = base64.urlsafe_b64encode(hmac.digest(public, signed, "sha256")).rstrip(b"=")
    with pytest.raises(RefusedAlgorithmError):
        accept(b".".join((signed, code)).decode())


def test_a_changed_claim_breaks_the_signature() -> None:
    header, _, signature = KEY.token(logout_claims()).split(".")
    changed = base64.urlsafe_b64encode(json.dumps(logout_claims(sub="u-2")).encode()).rstrip(b"=").decode()
    with pytest.raises(BadSignatureError):
        accept(f"{header}.{changed}.{signature}")


@pytest.mark.parametrize("kind", ["at+jwt", "dpop+jwt", "secevent+jwt"])
def test_a_token_of_another_type_is_refused(kind: str) -> None:
    with pytest.raises(WrongTypeError):
        accept(KEY.token(logout_claims(), typ=kind))


@pytest.mark.parametrize("text", ["", "a.b.c", "x" * 5000, "eyJhbGciOiJSUzI1NiJ9..", "\udc80"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        accept(text)


def test_an_id_token_is_no_logout_token_and_a_logout_token_is_nobodys() -> None:
    with pytest.raises(WrongTypeError):
        accept(KEY.token(claims(jti="j-1", sid="s-1")))
    verifier = BlockingVerifier(AUTHORITY, Expectation(client_id=CLIENT_ID), fetch=Documents(KEY))
    for kind in ("logout+jwt", "JWT"):
        with pytest.raises(WrongTypeError):
            verifier.verify(KEY.token(logout_claims(), typ=kind))


@pytest.mark.parametrize(
    ("subject", "session", "ended"),
    [
        # What ends of: this session, another session, no session, another person.
        ("u-1", "s-1", [True, False, True, False]),
        (None, "s-1", [True, False, False, False]),
        ("u-1", None, [True, True, True, False]),
    ],
)
def test_what_a_sign_out_ends(subject: str | None, session: str | None, ended: list[bool]) -> None:
    recorded = LogoutToken(token_id="j", subject=subject, session=session, issued=200.0).ended_keys
    callers = [caller(session="s-1"), caller(session="s-2"), caller(), caller(subject="u-2", session="s-3")]
    assert [bool({*recorded} & {*keys_of(each)}) for each in callers] == ended


def test_names_of_one_kind_are_no_names_of_another() -> None:
    of_session = LogoutToken(token_id="x", subject=None, session="x", issued=0.0)
    of_person = LogoutToken(token_id="x", subject="x", session=None, issued=0.0)
    keys = {*of_session.ended_keys, *of_person.ended_keys, of_session.replay_key, *keys_of(caller(subject="x"))}
    assert len(keys) == 4
    assert all(len(key) < 100 for key in keys)


@pytest.mark.parametrize(("issued", "is_ended"), [(99.0, True), (100.0, True), (101.0, False)])
def test_tokens_issued_after_the_sign_out_count(issued: float, is_ended: bool) -> None:
    if is_ended:
        with pytest.raises(SignedOutError):
            check_signed_in(caller(issued=issued), [50.0, 100.0], now=200.0)
    else:
        check_signed_in(caller(issued=issued), [50.0, 100.0], now=200.0)


def test_a_token_counts_for_a_day_because_sign_outs_are_kept_for_one() -> None:
    check_signed_in(caller(issued=0.0), [], now=DAY)
    with pytest.raises(ExpiredTokenError):
        check_signed_in(caller(issued=0.0), [], now=DAY + 1)
