"""The authorizer against an issuer that answers over HTTP: who passes, where to, and what API Gateway is told."""

from __future__ import annotations

import fnmatch
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lisa_lambdas.authorizer import handler as module
from lisa_lambdas.authorizer.handler import Unauthorized, handler
from lisa_lambdas.authorizer.policy import MethodArnError
from lisa_lambdas.caller import caller_of
from lisa_oidc import IssuerError
from oidc.issuer import CLIENT_ID, SigningKey
from oidc.served_issuer import ServedIssuer, serve_issuer

STAGE = "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abc123/dev"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedIssuer]:
    with serve_issuer() as served:
        monkeypatch.setenv("AUTHORITY", served.authority)
        monkeypatch.setenv("CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("ADMIN_GROUP", "admins")
        monkeypatch.setenv("JWT_GROUPS_PROP", "realm_access.roles")
        module._verifier.cache_clear()
        yield served
        module._verifier.cache_clear()


def request(authorization: str | None, path: str = "GET/session", **others: Any) -> dict[str, Any]:
    headers = {"Accept": "*/*"} | ({"Authorization": authorization} if authorization is not None else {})
    return {"type": "REQUEST", "methodArn": f"{STAGE}/{path}", "headers": headers, **others}


def allows(answer: dict[str, Any], path: str) -> bool:
    """Whether a policy lets a request through, as IAM evaluates it: an explicit deny wins."""

    def matches(effect: str) -> bool:
        return any(
            fnmatch.fnmatchcase(f"{STAGE}/{path}", resource)
            for statement in answer["policyDocument"]["Statement"]
            if statement["Effect"] == effect
            for resource in statement["Resource"]
        )

    return matches("Allow") and not matches("Deny")


def test_a_caller_passes_with_subject_name_and_groups(issuer: ServedIssuer) -> None:
    answer = handler(request(f"Bearer {issuer.token('s-1', 'users', 'a,b', preferred_username='ann')}"), None)
    assert answer["principalId"] == "s-1"
    assert answer["context"] == {"username": "ann", "isAdmin": "false", "groups": '["users","a,b"]'}
    assert caller_of({"requestContext": {"authorizer": {"principalId": "s-1", **answer["context"]}}}).groups == (
        "users",
        "a,b",
    )


def test_very_many_groups_fit_into_what_api_gateway_takes(issuer: ServedIssuer) -> None:
    """API Gateway answers 500 when a context has more than 8 KB."""
    groups = ["admins", *(f"group-{number}-{'ü' * 20}" for number in range(500))]
    answer = handler(request(f"Bearer {issuer.token('s-1', *groups)}"), None)
    assert 3500 < len(answer["context"]["groups"]) < 4200
    kept = json.loads(answer["context"]["groups"])
    assert kept == groups[: len(kept)]
    assert handler(request(f"Bearer {issuer.token('s-2')}"), None)["context"]["groups"] == "[]"


@pytest.mark.parametrize("asked", ["GET/session", "GET/models"])
def test_the_policy_is_the_same_for_every_path(issuer: ServedIssuer, asked: str) -> None:
    answer = handler(request(f"bearer {issuer.token('s-1', 'users')}", asked), None)
    for path in ("GET/session", "DELETE/session/x", "POST/repository/presigned-url", "GET/docs", "GET/modelsandmore"):
        assert allows(answer, path)
    for path in ("GET/models", "POST/models", "GET/models/a", "PUT/models/a/b", "GET/proposals", "DELETE/proposals/x"):
        assert not allows(answer, path)


def test_an_administrator_may_manage_models(issuer: ServedIssuer) -> None:
    answer = handler(request(f"Bearer {issuer.token('s-2', 'admins')}", "GET/models"), None)
    assert answer["context"]["isAdmin"] == "true"
    assert allows(answer, "PUT/models/a")
    assert allows(answer, "GET/session")


def test_another_api_is_not_allowed(issuer: ServedIssuer) -> None:
    answer = handler(request(f"Bearer {issuer.token()}"), None)
    for statement in answer["policyDocument"]["Statement"]:
        assert all(resource.startswith(f"{STAGE}/") for resource in statement["Resource"])


def test_the_keys_are_fetched_once_in_a_process(issuer: ServedIssuer) -> None:
    for _ in range(3):
        handler(request(f"Bearer {issuer.token()}"), None)
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer nonsense"])
def test_what_is_no_token_is_401(issuer: ServedIssuer, header: str | None) -> None:
    with pytest.raises(Unauthorized, match=r"^Unauthorized$"):
        handler(request(header), None)


def test_a_refused_token_is_401_and_the_log_says_why_without_it(
    issuer: ServedIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    token = issuer.token(exp=int(time.time()) - 60)
    with caplog.at_level(logging.INFO), pytest.raises(Unauthorized):
        handler(request(f"Bearer {token}"), None)
    assert "has expired" in caplog.text
    assert token not in caplog.text


def test_a_token_for_another_application_is_401(issuer: ServedIssuer) -> None:
    with pytest.raises(Unauthorized):
        handler(request(f"Bearer {issuer.token(aud='another')}"), None)


@pytest.mark.parametrize("claim", [{"typ": "Logout"}, {"token_use": "refresh"}, {"events": {}}])
def test_a_token_that_is_for_something_else_is_401(
    issuer: ServedIssuer, claim: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(Unauthorized):
        handler(request(f"Bearer {issuer.token(**claim)}"), None)
    assert "neither an access token nor an ID token" in caplog.text


def test_a_token_of_another_issuer_is_401(issuer: ServedIssuer) -> None:
    with pytest.raises(Unauthorized):
        handler(request(f"Bearer {SigningKey().token()}"), None)


def test_two_authorization_headers_are_401(issuer: ServedIssuer) -> None:
    event = request(f"Bearer {issuer.token()}")
    event["headers"]["authorization"] = f"Bearer {issuer.token('s-2', 'admins')}"
    with pytest.raises(Unauthorized):
        handler(event, None)


def test_an_issuer_that_is_down_is_not_the_callers_fault(issuer: ServedIssuer) -> None:
    issuer.down = True
    with pytest.raises(IssuerError):
        handler(request(f"Bearer {issuer.token()}"), None)


def test_without_a_sign_in_nobody_passes(issuer: ServedIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHORITY", "")
    with pytest.raises(Unauthorized):
        handler(request(f"Bearer {issuer.token()}"), None)


@pytest.mark.parametrize(
    "arn", [None, "", "x", f"{STAGE}", "arn:aws:s3:::bucket/dev/GET/x", "arn:aws:execute-api:r:1:*/dev/GET/x", 7]
)
def test_an_event_that_is_none_of_api_gateway(issuer: ServedIssuer, arn: Any) -> None:
    with pytest.raises(MethodArnError):
        handler(request(f"Bearer {issuer.token()}") | {"methodArn": arn}, None)


@pytest.mark.parametrize("headers", [None, [], "Authorization"])
def test_malformed_headers_are_401(issuer: ServedIssuer, headers: Any) -> None:
    with pytest.raises(Unauthorized):
        handler(request(None) | {"headers": headers}, None)
