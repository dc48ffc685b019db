"""Presigned forms reach S3 from a browser, in every Region of the table."""

from __future__ import annotations

import base64
import functools
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.compiler.conftest import Project, configuration

from aws_fidelity.s3_hosts import status
from lisa_compiler.compile.weights import open_workspace
from lisa_compiler.deploy.deployment_context import open_deployment
from lisa_compiler.project import project as projects
from lisa_lambdas.repository.bucket import DocumentsBucket
from lisa_schema.regions import Region, region, region_names
from weights.seaweedfs import binary

BUCKET = "my-lisa-dev-lisaragdocs-123456789012"
KEY = "subject-ann/a.txt"
SOVEREIGN = "eusc-de-east-1"
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


def s5cmd_host(name: str, endpoint: str | None) -> str:
    """The host that the real s5cmd connects to; the proxy that it is given refuses each connection."""
    proxy = "http://127.0.0.1:9"
    credentials = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    variables = {**credentials, "AWS_REGION": name, "HTTPS_PROXY": proxy, "PATH": os.environ["PATH"]}
    if endpoint:
        variables["S3_ENDPOINT_URL"] = endpoint
    command = [str(binary("s5cmd")), "--retry-count", "0", "ls", f"s3://{BUCKET}/"]
    answer = subprocess.run(command, check=False, env=variables, capture_output=True, text=True, timeout=60)
    found = re.search(r'"https://([^/"]+)/', answer.stderr)
    assert found is not None, answer.stderr
    return found[1]


@pytest.mark.parametrize("name", region_names())
def test_s5cmd_fetches_weights_from_host_of_its_region(name: str) -> None:
    suffix = known(name).dns_suffix
    hosts = {f"s3.{name}.{suffix}", f"{BUCKET}.s3.{name}.{suffix}"}
    if name == "us-east-1":
        hosts.add(f"{BUCKET}.s3.{suffix}")
    assert s5cmd_host(name, known(name).s5cmd_endpoint) in hosts


@pytest.mark.parametrize("name", region_names())
def test_address_for_s5cmd_is_that_of_botocore(name: str) -> None:
    assert known(name).s5cmd_endpoint in (None, session(name).client("s3").meta.endpoint_url)


def test_s5cmd_by_itself_leaves_the_sovereign_partition() -> None:
    """The fault: no container of `aws-eusc` found its weights."""
    assert s5cmd_host(SOVEREIGN, None) == f"{BUCKET}.s3.{SOVEREIGN}.amazonaws.com"


def test_containers_and_commands_give_s5cmd_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    certificate = "arn:aws-eusc:iam::123456789012:server-certificate/test"
    rest = configuration()["restApiConfig"]
    rest["loadBalancerConfig"]["sslCertIamArn"] = certificate
    project = Project(tmp_path).write(region=SOVEREIGN, restApiConfig=rest)
    address = f"https://s3.{SOVEREIGN}.amazonaws.eu"
    assert dict(project.plan().models[0].service.environment)["S3_ENDPOINT_URL"] == address
    local = projects.Project(tmp_path)
    environment = local.environment(None)
    found = [
        open_workspace(environment).endpoint_url,
        open_workspace(environment, "http://localhost:1").endpoint_url,
        open_deployment(local, None).workspace().endpoint_url,
    ]
    assert found == [address, "http://localhost:1", address]
