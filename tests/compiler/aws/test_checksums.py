"""S3's checksums where a real store cannot be made to answer as S3 does: permissions, and requests without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from lisa_compiler.aws.checksums import ChecksumObjects, ObjectDigests, open_checksum_objects
from lisa_compiler.aws.errors import RequestError

REQUEST = {"Bucket": "models", "Key": "org/name/config.json"}
WITH_CHECKSUM = {**REQUEST, "ChecksumMode": "ENABLED"}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ChecksumObjects, Any]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    objects = open_checksum_objects("us-east-1", None)
    with Stubber(objects.client) as stubber:
        yield objects, stubber
        stubber.assert_no_pending_responses()


def test_checksum_and_metadata_are_read(store: tuple[ChecksumObjects, Any]) -> None:
    objects, stubber = store
    stubber.add_response("head_object", {"ChecksumSHA256": "abc=", "Metadata": {"Sha256": "ef"}}, WITH_CHECKSUM)
    assert objects.digests(**named()) == ObjectDigests({"sha256": "ef"}, "abc=")


def test_key_that_may_not_be_used_leaves_the_metadata(store: tuple[ChecksumObjects, Any]) -> None:
    objects, stubber = store
    stubber.add_client_error("head_object", "403", "Forbidden", 403, expected_params=WITH_CHECKSUM)
    stubber.add_response("head_object", {"Metadata": {"sha256": "ef"}}, REQUEST)
    assert objects.digests(**named()) == ObjectDigests({"sha256": "ef"}, None)


def test_object_that_may_not_be_read_is_an_error(store: tuple[ChecksumObjects, Any]) -> None:
    objects, stubber = store
    for request in (WITH_CHECKSUM, REQUEST):
        stubber.add_client_error("head_object", "403", "Forbidden", 403, expected_params=request)
    with pytest.raises(RequestError, match=r"s3://models/org/name/config\.json cannot be read: Forbidden"):
        objects.digests(**named())


def test_object_that_does_not_exist_has_no_digests(store: tuple[ChecksumObjects, Any]) -> None:
    objects, stubber = store
    stubber.add_client_error("head_object", "404", "Not Found", 404, expected_params=WITH_CHECKSUM)
    assert objects.digests(**named()) is None


def named() -> dict[str, str]:
    return {"bucket": REQUEST["Bucket"], "key": REQUEST["Key"]}
