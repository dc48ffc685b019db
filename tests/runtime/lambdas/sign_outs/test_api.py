"""The address for sign-outs, through the handler, on the table of the api-base stack; the authorizer obeys it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import boto3
import jwt
import pytest
from botocore.stub import Stubber

from lisa_lambdas.authorizer import handler as authorizer
from lisa_lambdas.authorizer.sign_outs import SignOutTableError
from lisa_lambdas.sign_outs import handler as module
from lisa_lambdas.sign_outs.api import LONGEST_BODY, PATH
from lisa_lambdas.sign_outs.store import SignOutStore
from lisa_oidc import LogoutToken
from oidc.issuer import CLIENT_ID, SigningKey
from oidc.served_issuer import ServedIssuer, serve_issuer
from permissions.recording import Recorder
from runtime.lambdas.proxy_events import CONTEXT, content, proxy_event

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}
ARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/dev/GET/session"
Send = Callable[..., dict[str, Any]]


@pytest.fixture
def issuer(
    make_table: Callable[[str, str], str], set_environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServedIssuer]:
    """An issuer, with the function that it reports sign-outs to and the authorizer, as the stacks deploy both."""
    make_table("api-base", "SignOutTable")
    set_environment("api-base", "authorizer")
    set_environment("serve", "sign-outs")
    caches = (module._app, authorizer._verifier, authorizer._sign_outs)
    with serve_issuer() as served:
        monkeypatch.setenv("AUTHORITY", served.authority)
        monkeypatch.setenv("CLIENT_ID", CLIENT_ID)
        for cache in caches:
            cache.cache_clear()
        yield served
        for cache in caches:
            cache.cache_clear()


@pytest.fixture
def send(issuer: ServedIssuer) -> Send:
    def send_form(token: str | None = None, headers: dict[str, str] = FORM, text: str | None = None) -> dict[str, Any]:
        form = urlencode({"logout_token": token, "state": "ignored"}) if token is not None else ""
        body = form if text is None else text
        return module.handler(proxy_event("POST", PATH, caller=None, headers=headers, body=body), CONTEXT)

    return send_form


def logout(issuer: ServedIssuer, **others: Any) -> str:
    """A good logout token; None leaves a claim out."""
    given = {"sid": "s-1", "events": EVENTS, "jti": os.urandom(8).hex(), **others}
    return issuer.token(str(given.pop("sub", "u-1")), **given)


def refusal(answer: dict[str, Any]) -> tuple[int, str]:
    """Status and code of an error, which has the members of the specification as well when the request is wrong."""
    found = content(answer)
    if answer["statusCode"] == 400 and "error" in found:
        assert (found["error"], found["error_description"]) == ("invalid_request", found["message"])
    return answer["statusCode"], found["code"]


def is_let_in(token: str) -> bool:
    event = {"methodArn": ARN, "headers": {"Authorization": f"Bearer {token}"}}
    try:
        authorizer.handler(event, None)
    except authorizer.Unauthorized:
        return False
    return True


def items() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = boto3.client("dynamodb").scan(TableName=os.environ["SIGN_OUT_TABLE_NAME"])["Items"]
    return found


def test_a_sign_out_ends_the_tokens_of_its_session(issuer: ServedIssuer, send: Send) -> None:
    now = int(time.time())
    ended = [issuer.token("u-1", sid="s-1", iat=now - 100), issuer.token("u-1", iat=now - 100)]
    others = [
        issuer.token("u-1", sid="s-2", iat=now - 100),
        issuer.token("u-2", iat=now - 100),
        issuer.token("u-1", sid="s-1", iat=now + 5),  # Issued later, which the provider would not have done.
    ]
    assert all(is_let_in(token) for token in (*ended, *others))
    answer = send(logout(issuer, iat=now))
    assert (answer["statusCode"], content(answer)) == (200, {})
    assert answer["multiValueHeaders"]["Cache-Control"] == ["no-store"]
    assert [is_let_in(token) for token in ended] == [False, False]
    assert [is_let_in(token) for token in others] == [True, True, True]


def test_items_end_when_no_token_needs_them(issuer: ServedIssuer, send: Send) -> None:
    now = int(time.time())
    assert send(logout(issuer, iat=now))["statusCode"] == 200
    assert {float(item["endedAt"]["N"]) for item in items()} == {now}
    assert {int(item["deleteAfter"]["N"]) for item in items()} == {now + 90000}
    assert sorted(item["session"]["S"].partition(":")[0] for item in items()) == ["logout", "session", "sessionless"]
    assert "u-1" not in json.dumps(items())


def test_a_sign_out_of_a_person_ends_all(issuer: ServedIssuer, send: Send) -> None:
    tokens = [issuer.token("u-1", **named) for named in ({"sid": "s-1"}, {"sid": "s-2"}, {})]
    assert send(logout(issuer, sid=None))["statusCode"] == 200
    assert [is_let_in(token) for token in tokens] == [False] * 3
    assert is_let_in(issuer.token("u-2", sid="s-3"))


def test_the_same_logout_token_is_refused_the_second_time(issuer: ServedIssuer, send: Send) -> None:
    token = logout(issuer, jti="j-1")
    assert send(token)["statusCode"] == 200
    before = items()
    assert refusal(send(token)) == (400, "BadRequest")
    assert refusal(send(logout(issuer, jti="j-1", sid="s-2"))) == (400, "BadRequest")
    assert items() == before


@pytest.mark.parametrize(
    "others",
    [
        {"aud": "other"},
        {"nonce": "n"},
        {"events": None},
        {"iat": 1},
        {"jti": None},
        {"exp": 1},
    ],
)
def test_a_refused_token_is_400_and_nothing_is_written(
    issuer: ServedIssuer, send: Send, others: dict[str, Any]
) -> None:
    answer = send(logout(issuer, **others))
    assert refusal(answer) == (400, "BadRequest")
    assert content(answer)["error"] == "invalid_request"
    assert items() == []


def test_a_forged_token_is_400(issuer: ServedIssuer, send: Send) -> None:
    good = jwt.decode(logout(issuer), options={"verify_signature": False})
    for key in (SigningKey("first"), SigningKey("invented")):
        assert refusal(send(key.token(good))) == (400, "BadRequest")
    assert refusal(send(jwt.encode(good, None, "none"))) == (400, "BadRequest")
    assert refusal(send(issuer.key.token({**good, "iss": "https://other.example.com"}))) == (400, "BadRequest")
    assert refusal(send(jwt.encode(good, "x" * 32, "HS256"))) == (400, "BadRequest")
    assert items() == []


def test_forged_keys_do_not_flood_the_issuer(issuer: ServedIssuer, send: Send) -> None:
    send(logout(issuer))
    asked = len(issuer.asked)
    good = jwt.decode(logout(issuer), options={"verify_signature": False})
    for number in range(5):
        send(SigningKey(f"invented-{number}", "ES256").token(good))
    assert len(issuer.asked) - asked <= 2


@pytest.mark.parametrize(
    ("text", "headers", "status"),
    [
        ("", FORM, 400),
        ("x=1", FORM, 400),
        ("logout_token=", FORM, 400),
        ("logout_token=a.b.c&logout_token=a.b.c", FORM, 400),
        ("logout_token=%ff%fe", FORM, 400),
        ("&".join(f"a{n}=1" for n in range(100)), FORM, 400),
        ("logout_token=" + "x" * LONGEST_BODY, FORM, 413),
        ('{"logout_token":"a.b.c"}', {"Content-Type": "application/json"}, 415),
        ("logout_token=a.b.c", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
def test_bodies_that_are_no_logout_request(send: Send, text: str, headers: dict[str, str], status: int) -> None:
    assert refusal(send(text=text, headers=headers))[0] == status
    assert items() == []


def test_an_issuer_that_is_down_is_503(issuer: ServedIssuer, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    token = logout(issuer)
    monkeypatch.setenv("AUTHORITY", "http://127.0.0.1:1")
    module._app.cache_clear()
    assert refusal(send(token)) == (503, "Unavailable")
    assert items() == []


def test_a_later_sign_out_stays(issuer: ServedIssuer, send: Send) -> None:
    now = int(time.time())
    assert send(logout(issuer, iat=now))["statusCode"] == 200
    assert send(logout(issuer, iat=now - 60))["statusCode"] == 200
    ended = {item["session"]["S"]: float(item["endedAt"]["N"]) for item in items()}
    assert {time for key, time in ended.items() if not key.startswith("logout:")} == {now}
    assert sorted(time for key, time in ended.items() if key.startswith("logout:")) == [now - 60, now]


def test_transactions_in_each_others_way_are_repeated_and_in_the_end_unavailable() -> None:
    token = LogoutToken(token_id="j", subject=None, session="s", issued=1.0)
    client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    reasons = {"CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}]}
    for conflicts, is_recorded in ((1, True), (4, False)):
        with Stubber(client) as stub:
            for _ in range(conflicts):
                stub.add_client_error("transact_write_items", "TransactionCanceledException", modeled_fields=reasons)
            stub.add_response("transact_write_items", {})
            if is_recorded:
                assert SignOutStore(client, table="t").record(token)
            else:
                with pytest.raises(Exception, match="being recorded"):
                    SignOutStore(client, table="t").record(token)


def test_the_audit_record_names_nobody_and_is_written_at_every_log_level(
    issuer: ServedIssuer, send: Send, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    module._app.cache_clear()
    token = logout(issuer)
    send(token)
    (line,) = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert line.pop("time")
    digests = [hashlib.sha256(name.encode()).hexdigest()[:12] for name in ("s-1", "u-1")]
    assert line == {"audit": "user_signed_out", "session": digests[0], "user": digests[1]}
    send(token)  # Refused: nothing happened.
    assert capsys.readouterr().out == ""


def test_the_authorizer_fails_when_the_table_does(issuer: ServedIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGN_OUT_TABLE_NAME", "missing")
    authorizer._sign_outs.cache_clear()
    with pytest.raises(SignOutTableError):
        is_let_in(issuer.token("u-1"))


def test_the_authorizer_asks_no_table_without_sign_outs(issuer: ServedIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    send_time = int(time.time()) - 2 * 86400
    old = issuer.token("u-1", iat=send_time)
    assert not is_let_in(old)
    monkeypatch.setenv("SIGN_OUT_TABLE_NAME", "")
    authorizer._sign_outs.cache_clear()
    assert is_let_in(old)


def test_every_declared_call_is_made(issuer: ServedIssuer, send: Send, recorder: Recorder) -> None:
    recorder.variables |= os.environ
    for cache in (module._app, authorizer._sign_outs):
        cache.cache_clear()
    assert send(logout(issuer))["statusCode"] == 200
    assert is_let_in(issuer.token("u-2"))
    assert recorder.missing("sign_outs") == []
    assert recorder.missing("authorizer") == []
