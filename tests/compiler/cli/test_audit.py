"""`lisa audit read` on objects as the gateway writes them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from moto import mock_aws

from gateway.content_store import StrictKms
from lisa_compiler.audit import reader
from lisa_compiler.aws import kms
from lisa_compiler.project.paths import CONFIG_FILE
from lisa_gateway.audit.content_delivery import object_key
from lisa_gateway.audit.content_lines import Kind, sealed_line
from lisa_gateway.audit.data_keys import DataKey, encryption_context

from .conftest import Lisa

ACCOUNT = "012345678901"
BUCKET = f"test-lisa-dev-audit-content-{ACCOUNT}-us-east-1"
NOW = datetime.now(UTC)


class Account:
    """The account with the key and the bucket, and what the gateway has put there."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.kms = boto3.client("kms", region_name="us-east-1")
        self.key = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.s3.create_bucket(Bucket=BUCKET)
        self.count = 0

    def record(self, request_id: str, at: datetime, text: str, *, group: str = "science", ends: bool = True) -> None:
        """Add a request in an object of its own, as the gateway does."""
        self.count += 1
        context = encryption_context("test-lisa-dev", group)
        made = self.kms.generate_data_key(KeyId=self.key, KeySpec="AES_256", EncryptionContext=context)
        wrapped = base64.b64encode(made["CiphertextBlob"]).decode()
        key = DataKey(AESGCM(made["Plaintext"]), wrapped, "test-lisa-dev", group, 0.0)
        owner = hashlib.sha256(b"subject-ann").hexdigest()[:12]
        about = {"requestId": request_id, "route": "/r", "model": "m", "groups": [group]}
        about["caller"] = {"kind": "oidc", "id": owner, "owner": owner}  # type: ignore[assignment]
        parts: list[tuple[Kind, bytes, Any]] = [
            (Kind.BEGIN, b"", about),
            (Kind.REQUEST, text.encode(), None),
            (Kind.RESPONSE, b"\xff\xfe", None),
        ]
        if ends:
            parts.append(
                (Kind.END, b"", {"response": "complete", "requestBytes": len(text.encode()), "responseBytes": 2})
            )
        lines = b""
        for number, (kind, content, told) in enumerate(parts):
            members = {"record": f"{self.count:032x}", "n": number, "kind": kind, "time": at.isoformat()}
            lines += sealed_line(key, members | ({"about": told} if told else {}), content)
        name = object_key(f"{int(at.timestamp() * 1e9)}-0a1b2c3d-{self.count}", at.timestamp())
        self.s3.put_object(Bucket=BUCKET, Key=name, Body=lines + b'{"half')


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, project: Path) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    with mock_aws():
        found = Account()
        configure(project, found.key)
        yield found


def configure(project: Path, key: str) -> None:
    """Add the store to the configuration, or replace its key."""
    file = project / CONFIG_FILE
    text = re.sub(r"  accessConfig:\n(    .*\n)+", "", file.read_text())
    access = f"  accessConfig:\n    everyone: {{auditContent: true}}\n    auditContentStore: {{keyArn: '{key}'}}\n"
    file.write_text(text.replace("base:\n", f"base:\n{access}", 1) if key else text)


def read(lisa: Lisa, *arguments: str) -> list[dict[str, Any]]:
    result = lisa("audit", "read", *arguments)
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def test_requests_are_decrypted_to_lines_of_json(account: Account, lisa: Lisa) -> None:
    at = NOW - timedelta(hours=1)
    account.record("first", at, "What is the merger about? \N{SNOWMAN}")
    (found,) = read(lisa)
    owner = hashlib.sha256(b"subject-ann").hexdigest()[:12]
    assert found == {
        "time": at.isoformat(),
        "requestId": "first",
        "group": "science",
        "caller": {"kind": "oidc", "id": owner, "owner": owner},
        "groups": ["science"],
        "route": "/r",
        "model": "m",
        "ended": at.isoformat(),
        "request": "What is the merger about? \N{SNOWMAN}",
        "responseBase64": "//4=",
        "responseEnd": "complete",
    }


def test_requests_are_selected_by_time_id_caller_and_group(account: Account, lisa: Lisa) -> None:
    account.record("old", NOW - timedelta(days=3), "x")
    account.record("yesterday", NOW - timedelta(hours=20), "x", group="law")
    account.record("new", NOW - timedelta(minutes=5), "x")

    def ids(*arguments: str) -> list[str]:
        return [found["requestId"] for found in read(lisa, *arguments)]

    assert ids() == ["yesterday", "new"]
    assert ids("--from", "7d") == ["old", "yesterday", "new"]
    day = NOW - timedelta(days=3)
    assert ids("--from", f"{day:%Y-%m-%d}", "--to", f"{day + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}") == ["old"]
    assert ids("--request-id", "new") == ["new"]
    assert ids("--group", "law") == ["yesterday"]
    assert ids("--caller", "subject-ann", "--from", "1h") == ["new"]
    assert ids("--caller", "subject-bob") == []


def test_content_cannot_command_the_terminal(account: Account, lisa: Lisa) -> None:
    account.record("first", NOW - timedelta(minutes=5), "a\x1b[2J\x9b2J\x7f\x07b")
    result = lisa("audit", "read")
    assert not set(result.out) & {"\x1b", "\x9b", "\x7f", "\x07"}
    assert json.loads(result.out)["request"] == "a\x1b[2J\x9b2J\x7f\x07b"


def test_what_has_no_end_is_told(account: Account, lisa: Lisa) -> None:
    account.record("running", NOW - timedelta(minutes=5), "x", ends=False)
    result = lisa("audit", "read")
    (found,) = map(json.loads, result.out.splitlines())
    assert "the end is missing" in found["problems"][0]
    assert "1 of them incomplete" in result.err


@pytest.mark.parametrize("code", ["AccessDeniedException", "KMSInvalidStateException"])
def test_key_that_may_not_be_used_is_named(
    account: Account, lisa: Lisa, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    account.record("first", NOW - timedelta(minutes=5), "x")

    class Refusing:
        """KMS that refuses."""

        def decrypt(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": code, "Message": "not authorized"}}, "Decrypt")

    monkeypatch.setattr(reader, "KeyService", lambda _: kms.KeyService(Refusing()))
    result = lisa("audit", "read")
    assert (result.code, result.out) == (1, "")
    if code.startswith("AccessDenied"):
        assert f"kms:Decrypt on {account.key}" in result.err.replace("\n", " ")
        assert "lisa-deployment=test-lisa-dev, lisa-group=science" in result.err.replace("\n", " ")


def test_content_of_a_former_key_is_read_with_it_and_no_other(
    account: Account, project: Path, lisa: Lisa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "KeyService", lambda client: kms.KeyService(StrictKms(client)))
    account.record("first", NOW - timedelta(minutes=5), "x")
    configure(project, account.kms.create_key()["KeyMetadata"]["Arn"])
    (found,) = read(lisa)
    assert found["request"] == found["response"] == ""
    assert "caller" not in found
    assert "add --key" in found["problems"][0]
    assert [found["requestId"] for found in read(lisa, "--key", account.key)] == ["first"]
    configure(project, "")
    assert "--key" in lisa("audit", "read").err
    assert [found["requestId"] for found in read(lisa, "--key", account.key)] == ["first"]


def test_what_is_wrong_is_said(account: Account, lisa: Lisa) -> None:
    assert "is not a time" in lisa("audit", "read", "--from", "yesterday").err
    assert lisa("audit", "read", "--from", "1h", "--to", "2h").code == 2
    account.s3.delete_bucket(Bucket=BUCKET)
    result = lisa("audit", "read")
    assert result.code == 1
    assert f"The bucket {BUCKET} does not exist" in result.err.replace("\n", " ")
