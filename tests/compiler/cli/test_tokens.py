"""`lisa tokens …` on a table as the serve stack defines it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lisa_compiler.aws import dynamodb
from lisa_compiler.tokens.form import stored_key

from .conftest import Lisa

TABLE = "test-LISAApiTokenTable"
ACCOUNT = "012345678901"
DAY = 86400


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, project: Path) -> Iterator[Any]:
    """The token table, in the account of the project."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    with mock_aws():
        yield _make()


def _make() -> Any:
    resource = boto3.resource("dynamodb", region_name="us-east-1")
    return resource.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "token", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "token", "KeyType": "HASH"}],
    )


def create(lisa: Lisa, *arguments: str) -> str:
    result = lisa("tokens", "create", *arguments)
    assert result.code == 0, result.err
    return result.out.removesuffix("\n")


def listed(lisa: Lisa, *arguments: str) -> list[dict[str, Any]]:
    result = lisa("tokens", "list", "--format", "json", *arguments)
    assert result.code == 0, result.err
    found: list[dict[str, Any]] = json.loads(result.out)
    return found


def test_a_created_token_is_alone_on_stdout_and_nowhere_else(lisa: Lisa, table: Any) -> None:
    before = int(time.time())
    result = lisa(
        *("tokens", "create", "nightly", "--owner", "ci", "--expires", "4w"),
        *("--group", "research", "--scope", "models", "--scope", "chat"),
    )
    assert result.code == 0, result.err
    secret = result.out.removesuffix("\n")
    assert re.fullmatch(r"lisa_[0-9A-Za-z]{49}", secret)
    (item,) = table.scan()["Items"]
    assert item["token"] == stored_key(secret)
    assert secret not in result.err
    assert item["tokenId"] in result.err
    assert before <= item["created"] <= before + 20
    assert item == {
        "token": stored_key(secret),
        "tokenId": item["tokenId"],
        "owner": "ci",
        "ownerType": "service",
        "ownerName": "ci",
        "name": "nightly",
        "groups": ["research"],
        "scopes": ["chat", "models"],
        "created": item["created"],
        "expires": item["created"] + 28 * DAY,
        "tokenExpiration": item["created"] + 28 * DAY,
        "deleteAfter": item["created"] + 58 * DAY,
    }


def test_tokens_are_listed_as_a_table(lisa: Lisa, table: Any) -> None:
    create(lisa, "ci", "--expires", "never", "--scope", "chat")
    create(lisa, "backup", "--owner", "ops", "--group", "a", "--group", "b")
    table.put_item(Item={"token": "plain"})
    now = int(time.time())
    old = next(item for item in table.scan()["Items"] if item.get("name") == "backup")
    table.put_item(Item={**old, "tokenExpiration": now - 3 * DAY, "expires": now - 3 * DAY, "lastUsed": now - 9 * DAY})
    result = lisa("tokens", "list")
    head, *rows = (re.split(r" {2,}", line) for line in result.out.splitlines())
    day = {back: time.strftime("%Y-%m-%d", time.gmtime(now - back * DAY)) for back in (0, 3, 9)}
    assert head == ["ID", "NAME", "OWNER", "GROUPS", "SCOPES", "CREATED", "EXPIRES", "LAST USED"]
    assert [row[1:] for row in rows] == [
        ["ci", "ci", "-", "chat", day[0], "never", "never"],
        ["backup", "ops", "a,b", "all", day[0], f"{day[3]} (expired)", day[9]],
    ]
    assert "1 more token is stored in plain text. Run `lisa tokens hash`." in result.err
    assert "plain" not in result.out
    assert [token["name"] for token in listed(lisa, "--owner", "ops")] == ["backup"]


def test_no_tokens(lisa: Lisa, table: Any) -> None:
    result = lisa("tokens", "list")
    assert (result.code, result.out, result.err) == (0, "", "dev: no tokens\n")
    assert listed(lisa) == []


def test_tokens_are_revoked_by_id_or_name_as_often_as_one_likes(lisa: Lisa, table: Any) -> None:
    for name in ("one", "two", "three"):
        create(lisa, name)
    ids = {token["name"]: token["token_id"] for token in listed(lisa)}
    assert f"revoked token {ids['one']} (one) of one\n" in lisa("tokens", "revoke", ids["one"], "two").err
    again = lisa("tokens", "revoke", ids["one"], "two")
    assert (again.code, again.err.count("nothing to revoke")) == (0, 2)
    assert [token["name"] for token in listed(lisa)] == ["three"]


def test_a_name_of_several_tokens_revokes_none(lisa: Lisa, table: Any) -> None:
    for owner in ("a", "b", "b"):
        create(lisa, "same", "--owner", owner)
    ids = sorted(token["token_id"] for token in listed(lisa))
    result = lisa("tokens", "revoke", "same")
    assert result.code == 1
    assert f"3 tokens are named same. Specify the id: {', '.join(ids)}." in result.err
    assert lisa("tokens", "revoke", "same", "--owner", "a").code == 0
    assert [token["owner"] for token in listed(lisa)] == ["b", "b"]
    assert lisa("tokens", "revoke", "--owner", "b").err.count("revoked token") == 2
    assert listed(lisa) == []
    assert lisa("tokens", "revoke", "--owner", "b").err == "no tokens of b: nothing to revoke\n"


def test_users_are_listed_by_name_and_revoked_by_subject(lisa: Lisa, table: Any) -> None:
    for number, subject in enumerate(("s-1", "s-1", "s-2")):
        item = {"token": stored_key(str(number)), "tokenId": f"00000000000{number}", "name": f"n-{number}"}
        table.put_item(Item={**item, "owner": subject, "ownerType": "user", "ownerName": "ann"})
    assert len(listed(lisa, "--owner", "ann")) == 3
    assert len(listed(lisa, "--owner", "s-1")) == 2
    result = lisa("tokens", "revoke", "--owner", "ann")
    assert (result.code, len(listed(lisa))) == (1, 3)
    assert "ann is the name of a user. Specify the subject: s-1, s-2." in result.err
    assert lisa("tokens", "revoke", "--owner", "s-1").err.count("revoked token") == 2
    assert [token["owner"] for token in listed(lisa)] == ["s-2"]
    create(lisa, "ann")  # A service account of this name is the owner that is meant.
    assert "revoked token" in lisa("tokens", "revoke", "--owner", "ann").err
    assert [token["owner"] for token in listed(lisa)] == ["s-2"]


def test_revoking_nothing_is_a_usage_error(lisa: Lisa, table: Any) -> None:
    assert lisa("tokens", "revoke").code == 2


def test_plain_tokens_are_hashed_and_stay_valid(lisa: Lisa, table: Any) -> None:
    for item in ({"token": "one"}, {"token": "two", "tokenExpiration": 4_000_000_000}):
        table.put_item(Item=item)
    result = lisa("tokens", "hash", "--owner", "old", "--group", "users")
    assert (result.code, result.out) == (0, "")
    assert "dev: 2 tokens hashed" in result.err
    assert "set authConfig.legacyTokens to false" in result.err
    items = {item["token"]: item for item in table.scan()["Items"]}
    assert set(items) == {stored_key("one"), stored_key("two")}
    assert "tokenExpiration" not in items[stored_key("one")]
    two = items[stored_key("two")]
    assert (two["expires"], two["tokenExpiration"]) == (4_000_000_000, 4_000_000_000)
    assert (two["owner"], two["groups"], two["scopes"], two["ownerType"]) == ("old", ["users"], [], "service")
    assert lisa("tokens", "hash").err.startswith("dev: 0 tokens hashed")
    assert {item["token"]: item for item in table.scan()["Items"]} == items


def test_plain_tokens_that_cannot_be_hashed_stay(lisa: Lisa, table: Any) -> None:
    table.put_item(Item={"token": "one"})
    lisa("tokens", "hash")
    kept = [{"token": "one", "tokenExpiration": 4_000_000_000}, {"token": "two", "tokenExpiration": "tomorrow"}]
    for item in kept:
        table.put_item(Item=item)
    result = lisa("tokens", "hash")
    assert result.code == 0
    assert "0 tokens hashed" in result.err
    assert "1 not valid, because tokenExpiration is not a number" in result.err
    assert "1 skipped: changed meanwhile, or stored in both forms" in result.err
    assert "legacyTokens" not in result.err
    plain = [item for item in table.scan()["Items"] if "tokenId" not in item]
    assert sorted(plain, key=lambda item: item["token"]) == kept


def test_a_token_that_is_extended_meanwhile_is_not_hashed_as_it_was(
    lisa: Lisa, table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.put_item(Item={"token": "one", "tokenExpiration": 3_000_000_000})
    read = dynamodb.ItemTable.items

    def extend(self: Any) -> Any:
        found = list(read(self))
        table.put_item(Item={"token": "one", "tokenExpiration": 4_000_000_000})
        return found

    monkeypatch.setattr(dynamodb.ItemTable, "items", extend)
    assert "1 skipped" in lisa("tokens", "hash").err
    assert table.scan()["Items"] == [{"token": "one", "tokenExpiration": 4_000_000_000}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--expires", "soon"], "`soon` is not a duration. Use hours, days or weeks"),
        (["x", "--expires", "0d"], "`0d` is not a duration."),
        (["x", "--scope", "chats"], "`chats` is not a scope. Use audio, chat,"),
        ([" x"], "' x' cannot be a name."),
        (["x", "--owner", "a\tb"], "cannot be a name."),
        (["x", "--group", ""], "cannot be a name."),
    ],
)
def test_what_is_no_token_says_what_to_do(lisa: Lisa, table: Any, arguments: list[str], message: str) -> None:
    result = lisa("tokens", "create", *arguments)
    assert (result.code, result.out) == (1, "")
    assert message in result.err
    assert listed(lisa) == []


def test_without_a_table(lisa: Lisa, table: Any) -> None:
    table.delete()
    result = lisa("tokens", "list")
    assert result.code == 1
    assert f"{TABLE} does not exist in us-east-1. Deploy the serve stack of dev, or correct --env" in result.err


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MOTO_ACCOUNT_ID": "999999999999"}, "dev deploys to the account 012345678901, but your credentials are for"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "dev deploys to the Region us-east-1, but your AWS environment"),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
            "no credentials found. Set AWS_PROFILE, pass --profile, or sign in again.",
        ),
    ],
)
def test_another_account_or_region_or_no_credentials(
    lisa: Lisa, table: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    result = lisa("tokens", "create", "x")
    assert (result.code, result.out) == (1, "")
    assert message in result.err
