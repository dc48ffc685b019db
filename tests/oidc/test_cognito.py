"""Tokens in the forms of Amazon Cognito's developer guide: "Understanding user pool JSON web tokens"."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lisa_oidc import Expectation, MalformedTokenError, TokenError, parse_keys, read_header, verify
from lisa_oidc.verification import Caller
from oidc.issuer import SigningKey

POOL = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE"
CLIENT = "1example23456789"
KEY = SigningKey(key_id="1234example=")
NOW = int(time.time())
SUBJECT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
SHARED: dict[str, Any] = {
    "sub": SUBJECT,
    "iss": POOL,
    "origin_jti": "11111111-2222-3333-4444-555555555555",
    "event_id": "64f513be-32db-42b0-b78e-b02127b4f463",
    "jti": "66666666-7777-8888-9999-000000000000",
    "auth_time": NOW,
    "iat": NOW,
    "exp": NOW + 3600,
}
ID: dict[str, Any] = SHARED | {
    "aud": CLIENT,
    "token_use": "id",
    "cognito:groups": ["test-group-a", "lisa-admins"],
    "cognito:username": "my-test-user",
    "cognito:roles": ["arn:aws:iam::111122223333:role/my-test-role"],
    "cognito:preferred_role": "arn:aws:iam::111122223333:role/my-test-role",
    "identities": [{"userId": "amzn1.account.EXAMPLE", "providerName": "LoginWithAmazon", "primary": "true"}],
    "email_verified": True,
    "email": "my-test-user@example.com",
    "nonce": "abcdefg",
    "at_hash": "GqfSjEXAMPLE",
}
ACCESS: dict[str, Any] = SHARED | {
    "client_id": CLIENT,
    "token_use": "access",
    "cognito:groups": ["test-group-a", "lisa-admins"],
    "scope": "phone openid profile resourceserver.1/appclient2 email",
    "version": 2,
    "username": "my-test-user",
    "device_key": "us-east-1_aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
}
MACHINE: dict[str, Any] = {
    name: value
    for name, value in ACCESS.items()
    if name in ("iss", "token_use", "version", "auth_time", "iat", "exp", "jti")
} | {"sub": CLIENT, "client_id": CLIENT, "scope": "resourceserver.1/read"}
"""Of the client credentials grant: no user, hence no groups and no username."""


def accept(content: dict[str, Any]) -> Caller:
    (public,) = parse_keys({"keys": [KEY.jwk(alg="RS256")]})
    expectation = Expectation(client_id=CLIENT, groups_path="cognito:groups", admin_group="lisa-admins")
    token = KEY.token(content, typ=None)  # Cognito's headers have `kid` and `alg` alone
    return verify(token, header=read_header(token), key=public, issuer=POOL, expectation=expectation)


@pytest.mark.parametrize("content", [ID, ACCESS])
def test_a_users_token_has_the_groups_of_the_user_pool(content: dict[str, Any]) -> None:
    groups = ("test-group-a", "lisa-admins")
    assert accept(content) == Caller(
        subject=SUBJECT, username="my-test-user", groups=groups, is_admin=True, expires=NOW + 3600, issued=NOW
    )


def test_a_program_with_client_credentials_is_no_administrator() -> None:
    found = accept(MACHINE)
    assert (found.subject, found.groups, found.is_admin) == (CLIENT, (), False)


def test_a_user_without_groups_has_no_such_claim() -> None:
    content = {name: value for name, value in ID.items() if name != "cognito:groups"}
    assert accept(content).groups == ()


@pytest.mark.parametrize(
    "content",
    [
        ID | {"aud": "another-client"},
        ACCESS | {"client_id": "another-client"},
        ID | {"iss": f"{POOL}2"},
        ACCESS | {"token_use": "refresh"},
        {name: value for name, value in ACCESS.items() if name != "token_use"},
    ],
)
def test_tokens_of_other_clients_pools_and_uses_are_refused(content: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        accept(content)


def test_a_refresh_token_is_encrypted_and_no_token_of_a_user() -> None:
    encrypted = ".".join(["eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ", *["c2VjcmV0"] * 4])
    with pytest.raises(MalformedTokenError):
        read_header(encrypted)
