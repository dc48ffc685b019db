"""The token endpoints, through the handler, on the table of the serve stack; the gateway accepts what they add."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest

from lisa_gateway.operations import FAMILIES
from lisa_gateway.token_table import DynamoTable, TokenRecord
from lisa_lambdas.tokens import handler as module
from lisa_lambdas.tokens.api import MOST_LIVE_TOKENS, create_app
from lisa_lambdas.tokens.store import TokenStore
from lisa_tokens import SCOPES, has_valid_checksum, stored_key
from permissions.recording import Recorder
from runtime.lambdas.proxy_events import ADMIN, ANN, BOB, CONTEXT, ORIGIN, content, proxy_event, refusal

Call = Callable[..., dict[str, Any]]
DAY = 86400
MEMBER = {**ANN, "groups": '["users","research","admins"]'}


@pytest.fixture
def call(make_table: Callable[[str, str], str], set_environment: Callable[..., None]) -> Iterator[Call]:
    """Call the handler as the serve stack deploys it."""
    make_table("serve", "TokenTable")
    set_environment("serve", "tokens")
    module._app.cache_clear()
    yield lambda method, path, **others: module.handler(proxy_event(method, path, **others), CONTEXT)
    module._app.cache_clear()


def create(call: Call, caller: Mapping[str, str] = MEMBER, **body: Any) -> dict[str, Any]:
    answer = call("POST", "/tokens", body={"name": "laptop", **body}, caller=caller)
    assert answer["statusCode"] == 201, answer
    found: dict[str, Any] = content(answer)
    return found


def names(call: Call, caller: Mapping[str, str] = MEMBER, **query: str) -> list[str]:
    answer = call("GET", "/tokens", caller=caller, query=query)
    assert answer["statusCode"] == 200, answer
    return [token["name"] for token in content(answer)["tokens"]]


class _Client:
    """What the gateway asks a DynamoDB client for, answered by the table."""

    async def get_item(self, **asked: Any) -> Any:
        return boto3.client("dynamodb").get_item(**asked)


def seen_by_the_gateway(secret: str) -> TokenRecord | None:
    table = DynamoTable(_Client(), os.environ["TOKEN_TABLE_NAME"], accepts_legacy=False)
    return asyncio.run(table.find(secret))


def test_a_token_is_shown_once_and_the_gateway_accepts_it(call: Call) -> None:
    now = int(time.time())
    made = create(call, expires="7d", scopes=["chat", "models", "chat"], groups=["research", "users"])
    secret = made.pop("token")
    assert has_valid_checksum(secret)
    assert now <= made["created"] <= now + 5
    assert made == {
        "tokenId": made["tokenId"],
        "name": "laptop",
        "owner": "subject-ann",
        "ownerType": "user",
        "ownerName": "ann",
        "groups": ["users", "research"],
        "scopes": ["chat", "models"],
        "created": made["created"],
        "expires": made["created"] + 7 * DAY,
        "lastUsed": None,
    }
    answer = call("GET", "/tokens", caller=MEMBER)
    assert content(answer) == {"tokens": [made]}
    assert seen_by_the_gateway(secret) == TokenRecord(
        expires=made["expires"],
        stored_key=stored_key(secret),
        token_id=made["tokenId"],
        owner="subject-ann",
        is_of_user=True,
        groups=("users", "research"),
        scopes=frozenset({"chat", "models"}),
    )
    everything = json.dumps(boto3.client("dynamodb").scan(TableName=os.environ["TOKEN_TABLE_NAME"])["Items"])
    assert secret not in everything
    assert secret.removeprefix("lisa_") not in everything


def test_a_token_has_the_callers_groups_and_ends_after_90_days_by_default(call: Call) -> None:
    made = create(call)
    assert (made["groups"], made["scopes"]) == (["users", "research", "admins"], [])
    assert made["expires"] == made["created"] + 90 * DAY
    assert create(call, ANN)["groups"] == []
    assert create(call, groups=[])["groups"] == []


@pytest.mark.parametrize("groups", [["others"], ["users", "others"]])
@pytest.mark.parametrize("caller", [MEMBER, {**ADMIN, "groups": '["users"]'}])
def test_groups_of_others_are_forbidden_for_administrators_too(
    call: Call, caller: dict[str, str], groups: list[str]
) -> None:
    answer = call("POST", "/tokens", body={"name": "x", "groups": groups}, caller=caller)
    assert refusal(answer) == (403, "Forbidden")
    assert names(call, caller) == []


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"name": ""},
        {"name": " x"},
        {"name": "x\n"},
        {"name": "x" * 65},
        {"name": "x", "expires": "366d"},
        {"name": "x", "expires": "0d"},
        {"name": "x", "expires": "1h"},
        {"name": "x", "expires": "never"},
        {"name": "x", "expires": 90},
        {"name": "x", "scopes": ["chats"]},
        {"name": "x", "scopes": "chat"},
        {"name": "x", "groups": "users"},
        {"name": "x", "owner": "subject-bob"},
        {"name": "x", "isAdmin": True},
    ],
)
def test_a_body_that_is_no_token(call: Call, body: object) -> None:
    assert refusal(call("POST", "/tokens", body=body, caller=MEMBER)) == (400, "BadRequest")
    assert names(call) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/tokens"), ("POST", "/tokens"), ("DELETE", "/tokens"), ("DELETE", "/tokens/0a1b2c3d4e5f")],
)
def test_requests_that_bypass_the_authorizer_are_refused(call: Call, method: str, path: str) -> None:
    assert refusal(call(method, path, caller=None, body={"name": "x"})) == (401, "Unauthorized")


def test_users_see_and_revoke_their_own_alone(call: Call) -> None:
    hers, his = create(call, name="hers"), create(call, BOB, name="his")
    assert names(call) == ["hers"]
    assert names(call, BOB) == ["his"]
    assert refusal(call("DELETE", f"/tokens/{hers['tokenId']}", caller=BOB)) == (404, "NotFound")
    assert seen_by_the_gateway(hers["token"])
    assert content(call("DELETE", f"/tokens/{hers['tokenId']}", caller=MEMBER)) == {"revoked": 1}
    assert seen_by_the_gateway(hers["token"]) is None
    assert seen_by_the_gateway(his["token"])
    assert refusal(call("DELETE", f"/tokens/{hers['tokenId']}", caller=MEMBER)) == (404, "NotFound")


def test_administrators_see_and_revoke_all(call: Call) -> None:
    made = create(call, name="hers")
    create(call, BOB, name="his")
    assert refusal(call("GET", "/tokens", caller=MEMBER, query={"all": "true"})) == (403, "Forbidden")
    assert names(call, ADMIN) == []
    assert sorted(names(call, ADMIN, all="true")) == ["hers", "his"]
    assert content(call("DELETE", f"/tokens/{made['tokenId']}", caller=ADMIN)) == {"revoked": 1}
    assert names(call, ADMIN, all="true") == ["his"]


def revoke_all(call: Call, caller: Mapping[str, str], **query: str) -> dict[str, Any]:
    return call("DELETE", "/tokens", caller=caller, query=query)


def test_administrators_revoke_all_of_an_owner(call: Call) -> None:
    hers = [create(call, name=f"hers-{number}") for number in range(3)]
    his = create(call, BOB, name="his")
    assert refusal(revoke_all(call, BOB, owner="subject-ann")) == (403, "Forbidden")
    assert refusal(revoke_all(call, MEMBER, owner="subject-ann", ownerType="service")) == (403, "Forbidden")
    assert content(revoke_all(call, ADMIN, owner="subject-ann", ownerType="service")) == {"revoked": 0}
    assert len(names(call)) == 3
    assert content(revoke_all(call, ADMIN, owner="subject-ann")) == {"revoked": 3}
    assert [seen_by_the_gateway(token["token"]) for token in hers] == [None] * 3
    assert seen_by_the_gateway(his["token"])
    assert content(revoke_all(call, ADMIN, owner="subject-ann")) == {"revoked": 0}


def test_users_revoke_all_of_their_own(call: Call) -> None:
    create(call)
    create(call, BOB, name="his")
    assert content(revoke_all(call, MEMBER, owner="subject-ann")) == {"revoked": 1}
    assert names(call, ADMIN, all="true") == ["his"]


@pytest.mark.parametrize(
    "query", [{}, {"owner": ""}, {"owner": "x" * 2049}, {"owner": "x", "ownerType": "admin"}, {"ownerType": "user"}]
)
def test_no_owner_revokes_nothing(call: Call, query: dict[str, str]) -> None:
    create(call)
    assert refusal(revoke_all(call, ADMIN, **query)) == (400, "BadRequest")
    assert names(call) == ["laptop"]


def test_creation_and_revocation_are_recorded_without_the_token(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    made = create(call, groups=["users"], scopes=["chat"])
    call("DELETE", f"/tokens/{made['tokenId']}", caller=BOB)  # Refused: nothing happens.
    call("DELETE", f"/tokens/{made['tokenId']}", caller=ADMIN)
    second = create(call)
    revoke_all(call, ADMIN, owner="subject-ann")
    written = capsys.readouterr().out
    records = [json.loads(line) for line in written.splitlines()]
    assert [(record["audit"], record["tokenId"]) for record in records] == [
        ("token_created", made["tokenId"]),
        ("token_revoked", made["tokenId"]),
        ("token_created", second["tokenId"]),
        ("token_revoked", second["tokenId"]),
    ]
    ann, ada = (hashlib.sha256(f"subject-{name}".encode()).hexdigest()[:12] for name in ("ann", "ada"))
    assert records[0] == {
        "audit": "token_created",
        "time": records[0]["time"],
        "caller": {"id": ann, "isAdmin": False},
        "tokenId": made["tokenId"],
        "owner": ann,
        "ownerType": "user",
        "groups": ["users"],
        "scopes": ["chat"],
        "expires": made["expires"],
    }
    assert records[1]["caller"] == {"id": ada, "isAdmin": True}
    assert made["token"] not in written
    assert "subject-" not in written


def test_a_service_account_of_a_users_name_is_not_the_users(call: Call) -> None:
    item = {
        "token": {"S": stored_key("x")},
        "tokenId": {"S": "0a1b2c3d4e5f"},
        "owner": {"S": "subject-ann"},
        "ownerType": {"S": "service"},
    }
    boto3.client("dynamodb").put_item(TableName=os.environ["TOKEN_TABLE_NAME"], Item=item)
    assert names(call) == []
    assert refusal(call("DELETE", "/tokens/0a1b2c3d4e5f", caller=MEMBER)) == (404, "NotFound")
    assert content(call("DELETE", "/tokens/0a1b2c3d4e5f", caller=ADMIN)) == {"revoked": 1}


def test_items_of_lisa_2_are_in_no_list(call: Call) -> None:
    boto3.client("dynamodb").put_item(TableName=os.environ["TOKEN_TABLE_NAME"], Item={"token": {"S": "plain"}})
    assert names(call, ADMIN, all="true") == []


@pytest.mark.parametrize("token_id", ["x", "0A1B2C3D4E5F", "0a1b2c3d4e5", "sha256:00"])
def test_an_id_that_is_none(call: Call, token_id: str) -> None:
    assert refusal(call("DELETE", f"/tokens/{token_id}", caller=ADMIN)) == (400, "BadRequest")


def test_a_user_has_50_live_tokens_at_most(call: Call) -> None:
    clock = [time.time()]
    store = TokenStore(boto3.client("dynamodb"), table=os.environ["TOKEN_TABLE_NAME"], index="byOwner")
    api = create_app(store, web_origin=ORIGIN, clock=lambda: clock[0])

    def post(caller: dict[str, str], expires: str = "90d") -> dict[str, Any]:
        event = proxy_event("POST", "/tokens", body={"name": "x", "expires": expires}, caller=caller)
        return api.resolve(event, CONTEXT)

    assert post(MEMBER, "1d")["statusCode"] == 201
    for _ in range(MOST_LIVE_TOKENS - 1):
        assert post(MEMBER)["statusCode"] == 201
    assert refusal(post(MEMBER)) == (409, "Conflict")
    assert post(BOB)["statusCode"] == 201
    clock[0] += DAY + 1
    assert post(MEMBER)["statusCode"] == 201
    assert refusal(post(MEMBER)) == (409, "Conflict")


def test_scopes_are_the_families_of_the_gateway() -> None:
    assert set(SCOPES) == FAMILIES


def test_every_declared_call_is_made(call: Call, recorder: Recorder) -> None:
    recorder.variables |= os.environ
    module._app.cache_clear()
    made = create(call)
    assert names(call, ADMIN, all="true") == ["laptop"]
    assert content(call("DELETE", f"/tokens/{made['tokenId']}", caller=MEMBER)) == {"revoked": 1}
    assert recorder.missing("tokens") == []
