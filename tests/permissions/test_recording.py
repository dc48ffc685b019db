"""The recorder knows whose call it is, and fails a test whose program calls what it does not declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from permissions.recording import Recorded, recording


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="key", Body=b"")
        yield client


def read_as(module: str, client: Any) -> None:
    """Read the object with code of a module."""
    exec("client.get_object(Bucket='bucket', Key='key')", {"__name__": module, "client": client})


def test_call_of_a_program_is_recorded_and_must_be_declared(s3: Any) -> None:
    running = recording()
    recorder = next(running)
    read_as("lisa_lambdas.session.store", s3)
    assert recorder.undeclared() == [Recorded("session", "s3:GetObject", "bucket/key")]
    with pytest.raises(AssertionError, match=r"aws_calls\.yaml"):
        next(running)


def test_resource_of_a_declared_call_must_be_the_declared_one(s3: Any) -> None:
    running = recording()
    recorder = next(running)
    read_as("lisa_lambdas.repository.bucket", s3)
    assert recorder.undeclared() == []
    recorder.variables["BUCKET_NAME"] = "documents"
    assert recorder.undeclared() == [Recorded("repository", "s3:GetObject", "bucket/key")]
    recorder.variables["BUCKET_NAME"] = "bucket"
    assert next(running, None) is None


@pytest.mark.parametrize("module", ["tests.anything", "lisa_lambdas.parameters", "lisa_compiler.aws.s3"])
def test_calls_of_others_are_not_recorded(s3: Any, module: str) -> None:
    running = recording()
    recorder = next(running)
    read_as(module, s3)
    s3.list_objects_v2(Bucket="bucket")
    assert recorder.calls == set()
    assert next(running, None) is None


def test_program_that_does_not_call_misses_its_calls() -> None:
    running = recording()
    recorder = next(running)
    assert "dynamodb:GetItem on table/${TOKEN_TABLE_NAME}" in recorder.missing("gateway")
    assert next(running, None) is None
