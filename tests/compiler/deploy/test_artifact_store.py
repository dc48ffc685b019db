"""What the account has of an artifact that goes to several places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from lisa_compiler.artifacts.artifact_store import ArtifactStore
from lisa_compiler.artifacts.assembly import Artifact, ArtifactType, Destination, PrebuiltFile
from lisa_compiler.aws.account import Account
from lisa_compiler.aws.errors import DeployError

NUMBER, REGION = "123456789012", "us-east-1"
KEY = f"{'a' * 64}.zip"
BUCKETS = ("assets-one", "assets-two")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArtifactStore]:
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", REGION)):
        monkeypatch.setenv(name, value)
    with mock_aws():
        session = boto3.Session(region_name=REGION)
        for bucket in BUCKETS:
            session.client("s3").create_bucket(Bucket=bucket)
        yield ArtifactStore(Account(NUMBER, REGION, session), "dev")


def artifact(path: Path, *buckets: str) -> Artifact:
    places = tuple(Destination(bucket, KEY, None) for bucket in buckets)
    return Artifact(kind=ArtifactType.LAYER, name="common", digest="a" * 64, source=PrebuiltFile(path), places=places)


@pytest.mark.parametrize(
    ("held", "lacks"),
    [((), True), (BUCKETS[:1], True), (BUCKETS[1:], True), (BUCKETS, False)],
    ids=["nowhere", "first place", "second place", "everywhere"],
)
def test_an_artifact_is_lacking_until_every_place_has_it(
    shelf: ArtifactStore, tmp_path: Path, held: tuple[str, ...], lacks: bool
) -> None:
    s3 = shelf.account.client("s3")
    for bucket in held:
        s3.put_object(Bucket=bucket, Key=KEY)
    assert shelf.is_missing(artifact(tmp_path, *BUCKETS)) is lacks


def test_a_longer_key_is_another_artifact(shelf: ArtifactStore, tmp_path: Path) -> None:
    shelf.account.client("s3").put_object(Bucket=BUCKETS[0], Key=f"{KEY}.part")
    assert shelf.is_missing(artifact(tmp_path, BUCKETS[0]))


def test_a_file_goes_only_to_the_places_that_lack_it(shelf: ArtifactStore, tmp_path: Path) -> None:
    s3 = shelf.account.client("s3")
    s3.put_object(Bucket=BUCKETS[0], Key=KEY, Body=b"published earlier")
    file = tmp_path / "layer.zip"
    file.write_bytes(b"built now")
    layer = artifact(file, *BUCKETS)
    shelf.upload_file(layer, file)
    bodies = [s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() for bucket in BUCKETS]
    assert bodies == [b"published earlier", b"built now"]
    assert not shelf.is_missing(layer)


def test_an_account_without_bootstrap_is_an_error_with_the_command(shelf: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="lisa bootstrap --env dev"):
        shelf.is_missing(artifact(tmp_path, "assets-three"))
