"""The functions that CloudFormation calls, against moto's S3."""

from __future__ import annotations

import importlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from permissions.recording import Recorder

IDS = {"StackId": "arn:stack", "RequestId": "r-1", "LogicalResourceId": "Resource"}
SOURCES = Path(__file__).parents[2] / "runtime" / "lambdas" / "lisa_lambdas" / "custom_resources"


class Answers(list[dict[str, Any]]):
    """What was put at the address where CloudFormation waits."""

    url = ""

    @property
    def only(self) -> dict[str, Any]:
        assert len(self) == 1
        return self[0]


@pytest.fixture
def answers() -> Iterator[Answers]:
    received = Answers()

    class Waiting(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers.get("Content-Type", "") == ""
            assert {name: body[name] for name in IDS} == IDS
            reason = None if body["Status"] == "SUCCESS" else body["Reason"]
            received.append(
                {"status": body["Status"], "data": body["Data"], "id": body["PhysicalResourceId"], "reason": reason}
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Waiting) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        received.url = f"http://127.0.0.1:{listening.server_port}/signed?Signature=x"
        yield received
        listening.shutdown()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        for name in ("site", "assets"):
            client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket="site", VersioningConfiguration={"Status": "Enabled"})
        yield client


def call(answers: Answers, module: str, kind: str, milliseconds: int = 300_000, **properties: str) -> None:
    event = {"RequestType": kind, "ResourceProperties": properties, "ResponseURL": answers.url, **IDS}
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
    importlib.import_module(f"lisa_lambdas.custom_resources.{module}").handler(event, context)


def versions(s3: Any, bucket: str) -> int:
    page = s3.list_object_versions(Bucket=bucket)
    return len(page.get("Versions", [])) + len(page.get("DeleteMarkers", []))


@pytest.mark.parametrize("name", ["empty_bucket.py", "website.py"])
def test_the_source_fits_into_a_template(name: str) -> None:
    assert len((SOURCES / name).read_bytes()) < 3800


def test_delete_empties_a_versioned_bucket(s3: Any, answers: Answers) -> None:
    for number in range(3):
        s3.put_object(Bucket="site", Key="a", Body=str(number))
    s3.put_object(Bucket="site", Key="b/c", Body="x")
    s3.delete_object(Bucket="site", Key="a")
    assert versions(s3, "site") == 5
    call(answers, "empty_bucket", "Delete", BucketName="site")
    assert answers.only == {"status": "SUCCESS", "data": {}, "id": "site", "reason": None}
    assert versions(s3, "site") == 0


class PagedBucket:
    """A bucket whose listing has 1000 versions a page and whose deletion takes no more."""

    def __init__(self, count: int) -> None:
        self.left = {f"{number:05}" for number in range(count)}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        keys = sorted(self.left)
        for start in range(0, max(len(keys), 1), 1000):
            yield {"Versions": [{"Key": key, "VersionId": "null"} for key in keys[start : start + 1000]]}

    def delete_objects(self, **request: Any) -> dict[str, Any]:
        versions = request["Delete"]["Objects"]
        assert len(versions) <= 1000
        self.left -= {version["Key"] for version in versions}
        return {}


def test_delete_goes_through_all_pages(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = PagedBucket(2500)
    monkeypatch.setattr(boto3, "client", lambda _: bucket)
    call(answers, "empty_bucket", "Delete", BucketName="site")
    assert answers.only["status"] == "SUCCESS"
    assert bucket.left == set()


def test_delete_of_a_bucket_that_is_gone(s3: Any, answers: Answers) -> None:
    call(answers, "empty_bucket", "Delete", BucketName="gone")
    assert answers.only["status"] == "SUCCESS"


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_nothing_is_deleted_otherwise(s3: Any, answers: Answers, kind: str) -> None:
    s3.put_object(Bucket="site", Key="a", Body="")
    call(answers, "empty_bucket", kind, BucketName="site")
    assert answers.only["status"] == "SUCCESS"
    assert versions(s3, "site") == 1


def test_short_of_time_it_fails_with_a_reason(s3: Any, answers: Answers) -> None:
    s3.put_object(Bucket="site", Key="a", Body="")
    call(answers, "empty_bucket", "Delete", milliseconds=1000, BucketName="site")
    assert answers.only["status"] == "FAILED"
    assert "time ran out" in answers.only["reason"]


def test_an_object_that_cannot_be_deleted_fails_with_a_reason(
    s3: Any, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = SimpleNamespace(paginate=lambda **_: [{"Versions": [{"Key": "a", "VersionId": "1"}]}])
    errors = {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "no"}]}
    client = SimpleNamespace(get_paginator=lambda _: pages, delete_objects=lambda **_: errors)
    monkeypatch.setattr(boto3, "client", lambda _: client)
    call(answers, "empty_bucket", "Delete", BucketName="site")
    assert answers.only["status"] == "FAILED"
    assert "a cannot be deleted: AccessDenied no" in answers.only["reason"]


def test_without_a_bucket_it_fails_with_a_reason(s3: Any, answers: Answers) -> None:
    call(answers, "empty_bucket", "Delete")
    assert answers.only["status"] == "FAILED"
    assert "BucketName is missing" in answers.only["reason"]


def bundle(s3: Any, key: str, **files: str) -> dict[str, str]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.mkdir("assets")
        for name, content in files.items():
            archive.writestr(name, content)
    s3.put_object(Bucket="assets", Key=key, Body=buffer.getvalue())
    return {"BucketName": "site", "SourceBucket": "assets", "SourceKey": key, "EnvJs": "window.env = {};"}


def keys(s3: Any) -> set[str]:
    return {entry["Key"] for entry in s3.list_objects_v2(Bucket="site").get("Contents", [])}


def test_the_website_is_published(s3: Any, answers: Answers) -> None:
    files = {"index.html": "<p>", "assets/a.js": "1", "assets/b.woff2": "2", "env.js": "other"}
    call(answers, "website", "Create", **bundle(s3, "one", **files))
    assert answers.only == {"status": "SUCCESS", "data": {"Files": 4}, "id": "website-site", "reason": None}
    assert keys(s3) == set(files)
    assert s3.get_object(Bucket="site", Key="env.js")["Body"].read() == b"window.env = {};"


@pytest.mark.parametrize(
    ("name", "kind", "cache"),
    [
        ("index.html", "text/html; charset=utf-8", "no-cache"),
        ("env.js", "text/javascript; charset=utf-8", "no-cache"),
        ("assets/a.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("assets/b.woff2", "font/woff2", "public, max-age=31536000, immutable"),
        ("logo.svg", "image/svg+xml", "no-cache"),
        ("LICENSE", "application/octet-stream", "no-cache"),
    ],
)
def test_types_and_caching(s3: Any, answers: Answers, name: str, kind: str, cache: str) -> None:
    call(answers, "website", "Create", **bundle(s3, "one", **{"index.html": "<p>", name: "x"}))
    head = s3.head_object(Bucket="site", Key=name)
    assert (head["ContentType"], head["CacheControl"]) == (kind, cache)


def test_every_declared_call_is_made(s3: Any, answers: Answers, recorder: Recorder) -> None:
    """Of both functions: what runtime/lambdas/aws_calls.yaml declares."""
    for key in ("one", "two"):
        properties = bundle(s3, key, **{"index.html": key, f"assets/{key}.js": "x"})
        recorder.variables |= {"BucketName": properties["BucketName"], "SourceBucket": properties["SourceBucket"]}
        call(answers, "website", "Create", **properties)
    assert recorder.missing("website") == []
    call(answers, "empty_bucket", "Delete", BucketName="site")
    assert recorder.missing("empty_bucket") == []


def test_an_update_removes_what_is_no_longer_there(s3: Any, answers: Answers) -> None:
    call(answers, "website", "Create", **bundle(s3, "one", **{"index.html": "1", "assets/old.js": "x"}))
    call(answers, "website", "Update", **bundle(s3, "two", **{"index.html": "2", "assets/new.js": "x"}))
    assert keys(s3) == {"index.html", "assets/new.js", "env.js"}
    assert s3.get_object(Bucket="site", Key="index.html")["Body"].read() == b"2"


def test_deleting_the_website_leaves_the_bucket_alone(s3: Any, answers: Answers) -> None:
    properties = bundle(s3, "one", **{"index.html": "1"})
    call(answers, "website", "Create", **properties)
    call(answers, "website", "Delete", **properties)
    assert answers[1]["status"] == "SUCCESS"
    assert "index.html" in keys(s3)


def test_an_archive_without_a_page_changes_nothing(s3: Any, answers: Answers) -> None:
    call(answers, "website", "Create", **bundle(s3, "one", **{"index.html": "1"}))
    call(answers, "website", "Update", **bundle(s3, "two", **{"other.html": "1"}))
    assert answers[1]["status"] == "FAILED"
    assert "no index.html" in answers[1]["reason"]
    assert keys(s3) == {"index.html", "env.js"}


def test_a_missing_archive_fails_with_a_reason(s3: Any, answers: Answers) -> None:
    call(answers, "website", "Create", BucketName="site", SourceBucket="assets", SourceKey="none", EnvJs="")
    assert answers.only["status"] == "FAILED"
    assert "NoSuchKey" in answers.only["reason"]


def test_short_of_time_the_website_fails_with_a_reason(s3: Any, answers: Answers) -> None:
    call(answers, "website", "Create", milliseconds=1000, **bundle(s3, "one", **{"index.html": "1"}))
    assert answers.only["status"] == "FAILED"
    assert "time ran out" in answers.only["reason"]
