"""Presigned forms reach S3 from a browser, in every Region of the table."""

from __future__ import annotations

import base64
import functools
import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.compiler.conftest import Project

from aws_fidelity.s3_hosts import status
from lisa_lambdas.repository.bucket import DocumentsBucket
from lisa_schema.regions import Region, region, region_names

BUCKET = "my-lisa-dev-lisaragdocs-123456789012"
KEY = "subject-ann/a.txt"
INDEX = Path(__file__).resolve().parents[2] / "runtime/web/dist/index.html"


def known(name: str) -> Region:
    found = region(name)
    assert found is not None
    return found


def session(name: str) -> boto3.Session:
    return boto3.Session(region_name=name, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")


@functools.cache
def form(name: str) -> dict[str, Any]:
    return DocumentsBucket.of_session(session(name), BUCKET).allow_upload(KEY, "ann")


@pytest.fixture(autouse=True)
def lambda_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CONFIG_FILE", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("name", region_names())
def test_form_names_host_of_its_region(name: str) -> None:
    assert status(form(name)["url"], BUCKET, known(name)) == 204


@pytest.mark.parametrize("name", region_names())
def test_form_is_signed_for_its_region_by_version_4(name: str) -> None:
    fields = form(name)["fields"]
    assert fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert fields["x-amz-credential"].split("/")[2:] == [name, "s3", "aws4_request"]
    conditions = json.loads(base64.b64decode(fields["policy"]))["conditions"]
    assert {"bucket": BUCKET} in conditions
    assert ["content-length-range", 1, 50 * 1024 * 1024] in conditions


def test_default_of_botocore_fails_where_the_global_host_does() -> None:
    """The fault: 400 in Regions launched after March 2019, and redirects in the others."""

    def answered(name: str) -> int:
        s3 = session(name).client("s3", config=Config(signature_version="s3v4"))
        return status(s3.generate_presigned_post(BUCKET, KEY)["url"], BUCKET, known(name))

    assert [answered(name) for name in ("us-east-1", "eu-west-1", "ap-east-1", "me-central-1")] == [204, 307, 400, 400]


def test_other_s3_keeps_its_one_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local AWS has no names for buckets that every resolver knows."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    assert form.__wrapped__("eu-west-1")["url"] == f"http://localhost:4566/{BUCKET}"


@pytest.mark.parametrize("stage", ["dev", "Prod-2"])
def test_documents_bucket_is_one_label_of_a_host_name(tmp_path: Path, stage: str) -> None:
    """A dot in the name would not match S3's certificate."""
    name = Project(tmp_path).write(deploymentName="My-Lisa", deploymentStage=stage).plan().names.documents_bucket
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name)


@pytest.mark.parametrize("name", region_names())
def test_web_application_may_connect_to_host(name: str) -> None:
    """By the Content Security Policy of the built page."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', INDEX.read_text(encoding="utf-8"))
    assert found is not None
    directives = {words[0]: words[1:] for part in found[1].split(";") if (words := part.split())}
    scheme = form(name)["url"].partition("//")[0]
    assert scheme in directives["connect-src"]
