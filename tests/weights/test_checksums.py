"""S3's own SHA-256 checksums, against a real S3: what is proven without reading, and what upload repairs."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LockedModel
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.store import s5cmd
from lisa_weights.store.bucket import Bucket, MismatchKind
from lisa_weights.store.checksums import ChecksumClient, ExpectedChecksum, StoredDigests
from lisa_weights.store.download import download
from lisa_weights.store.upload import upload
from weights import seaweedfs
from weights.checksum_requests import MODEL, client_of, never, paths, prefix
from weights.model_files import SHARDS, sharded, write


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write(tmp_path / "models" / MODEL, sharded())


@pytest.fixture
def locked(directory: Path) -> LockedModel:
    return lock_directory(read_directory(directory)).with_prefix(MODEL)


def overwrite(bucket: Bucket, store: seaweedfs.Store, locked: LockedModel, scratch: Path) -> None:
    """Replace a shard by other content of the same size whose metadata has the digest of the lock."""
    digest = next(file.sha256 for file in locked.files if file.path == SHARDS[1])
    scratch.write_bytes(sharded(second=b"!" * 700)[SHARDS[1]])
    store.do("cp", "--metadata", f"sha256={digest}", str(scratch), bucket.url(prefix(locked), SHARDS[1]))


def test_upload_is_proven_without_reading(
    proving_bucket: Bucket, directory: Path, locked: LockedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paths(upload(proving_bucket, MODEL, locked, directory).moved) == set(sharded())
    monkeypatch.setattr(s5cmd.S5cmd, "reading", None)
    compared = proving_bucket.compare(prefix(locked), locked.files)
    assert (compared.mismatches, compared.unproven) == ((), ())
    for file in proving_bucket.files(prefix(locked), digests=True):
        content = (directory / file.path).read_bytes()
        assert file.checksum == base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert file.sha256 == hashlib.sha256(content).hexdigest()


def test_objects_without_a_checksum_are_unproven(
    bucket: Bucket, proving_bucket: Bucket, directory: Path, locked: LockedModel
) -> None:
    upload(bucket, MODEL, locked, directory)
    for asked in (bucket, proving_bucket):
        compared = asked.compare(prefix(locked), locked.files)
        assert compared.mismatches == ()
        assert set(compared.unproven) == set(sharded())
        assert asked.compare(prefix(locked), locked.files, deep=True).unproven == ()


def test_content_that_the_store_has_another_checksum_of_differs_in_spite_of_its_metadata(
    proving_bucket: Bucket, directory: Path, locked: LockedModel, tmp_path: Path
) -> None:
    upload(proving_bucket, MODEL, locked, directory)
    (tmp_path / "x").write_bytes(sharded(second=b"!" * 700)[SHARDS[1]])
    digest = next(file.sha256 for file in locked.files if file.path == SHARDS[1])
    client_of(proving_bucket).put(
        tmp_path / "x",
        proving_bucket.name,
        f"{prefix(locked)}/{SHARDS[1]}",
        checksum=base64.b64encode(hashlib.sha256((tmp_path / "x").read_bytes()).digest()).decode(),
        parts=(),
        metadata={"sha256": digest},
        is_cancelled=never,
    )
    assert [found.kind for found in proving_bucket.verify(MODEL, locked)] == [MismatchKind.DIGEST]
    assert paths(upload(proving_bucket, MODEL, locked, directory).moved) == {SHARDS[1]}
    assert proving_bucket.verify(MODEL, locked, deep=True) == ()


@pytest.mark.parametrize("proving", [True, False])
def test_upload_repairs_what_a_deep_verification_finds(
    *,
    bucket: Bucket,
    proving_bucket: Bucket,
    store: seaweedfs.Store,
    directory: Path,
    locked: LockedModel,
    tmp_path: Path,
    proving: bool,
) -> None:
    asked = proving_bucket if proving else bucket
    upload(asked, MODEL, locked, directory)
    overwrite(asked, store, locked, tmp_path / "x")
    assert SHARDS[1] in asked.compare(prefix(locked), locked.files).unproven
    assert [found.path for found in asked.verify(MODEL, locked, deep=True)] == [SHARDS[1]]
    assert upload(asked, MODEL, locked, directory).moved == ()
    assert paths(upload(asked, MODEL, locked, directory, deep=True).moved) == {SHARDS[1]}
    assert asked.verify(MODEL, locked, deep=True) == ()


def test_store_rejects_a_file_that_changes_after_it_was_checked(
    proving_bucket: Bucket, directory: Path, locked: LockedModel
) -> None:
    file = next(file for file in locked.files if file.path == SHARDS[1])
    (directory / SHARDS[1]).write_bytes(sharded(second=b"!" * 700)[SHARDS[1]])
    with pytest.raises(DeployError, match="cannot be uploaded"):
        client_of(proving_bucket).put(
            directory / SHARDS[1],
            proving_bucket.name,
            f"{prefix(locked)}/{SHARDS[1]}",
            checksum=ExpectedChecksum.of(file).text,
            parts=(),
            metadata={},
            is_cancelled=never,
        )
    assert proving_bucket.files(prefix(locked)) == ()


def test_object_of_the_older_layout_is_not_overwritten(
    proving_bucket: Bucket, directory: Path, locked: LockedModel, store: seaweedfs.Store
) -> None:
    old = replace(locked, prefix=None)
    store.do("cp", str(directory / "config.json"), proving_bucket.url(MODEL, SHARDS[1]))
    with pytest.raises(WeightsError, match="has other content, which other deployments may use"):
        upload(proving_bucket, MODEL, old, directory)
    assert [file.path for file in proving_bucket.files(MODEL)] == [SHARDS[1]]
    store.do("rm", proving_bucket.url(MODEL, SHARDS[1]))
    assert paths(upload(proving_bucket, MODEL, old, directory).moved) == set(sharded())
    assert proving_bucket.verify(MODEL, old, deep=True) == ()


def test_cancelled_upload_stops_and_writes_nothing(
    proving_bucket: Bucket, directory: Path, locked: LockedModel
) -> None:
    file = next(file for file in locked.files if file.path == SHARDS[1])
    with pytest.raises(DeployError, match="cannot be uploaded"):
        client_of(proving_bucket).put(
            directory / file.path,
            proving_bucket.name,
            f"{prefix(locked)}/{file.path}",
            checksum=ExpectedChecksum.of(file).text,
            parts=(),
            metadata={},
            is_cancelled=lambda: True,
        )
    assert proving_bucket.files(prefix(locked)) == ()


def test_fine_tune_of_the_same_size_leaves_running_deployments_as_they_are(
    proving_bucket: Bucket, directory: Path, locked: LockedModel, tmp_path: Path
) -> None:
    upload(proving_bucket, MODEL, locked, directory)
    tuned_files = sharded(second=b"t" * 700)
    tuned_directory = write(tmp_path / "tuned", tuned_files)
    tuned = lock_directory(read_directory(tuned_directory)).with_prefix(MODEL)
    assert tuned.total_bytes == locked.total_bytes
    upload(proving_bucket, MODEL, tuned, tuned_directory)
    for entry, files in ((locked, sharded()), (tuned, tuned_files)):
        assert proving_bucket.verify(MODEL, entry, deep=True) == ()
        target = tmp_path / "instance" / entry.content_digest
        download(proving_bucket, MODEL, entry, target)
        assert {path: (target / path).read_bytes() for path in files} == files


def test_two_uploads_at_once(proving_bucket: Bucket, bucket: Bucket, directory: Path, locked: LockedModel) -> None:
    with ThreadPoolExecutor(3) as pool:
        asked = (proving_bucket, proving_bucket, bucket)
        running = [pool.submit(upload, each, MODEL, locked, directory) for each in asked]
    for each in running:
        each.result()
    assert proving_bucket.verify(MODEL, locked, deep=True) == ()


def test_store_rejects_a_file_that_differs_from_the_lock(
    proving_bucket: Bucket, directory: Path, locked: LockedModel
) -> None:
    (directory / SHARDS[1]).write_bytes(sharded(second=b"!" * 700)[SHARDS[1]])
    with pytest.raises(WeightsError, match=rf"{SHARDS[1]} does not match the lock file: run `lisa weights stage`"):
        upload(proving_bucket, MODEL, locked, directory)
    assert SHARDS[1] not in paths(proving_bucket.files(prefix(locked)))


class WithoutChecksums:
    """A store that ignores checksums, as some S3-compatible ones do."""

    def __init__(self, client: ChecksumClient) -> None:
        self._client = client

    def put(self, *arguments: Any, **options: Any) -> None:
        self._client.put(*arguments, **options | {"checksum": None})

    def digests(self, bucket: str, key: str) -> StoredDigests | None:
        return self._client.digests(bucket, key)


@pytest.mark.parametrize("changed", [True, False])
def test_file_that_the_store_does_not_check_is_read_again(
    proving_bucket: Bucket, directory: Path, locked: LockedModel, changed: bool
) -> None:
    client = cast(ChecksumClient, WithoutChecksums(client_of(proving_bucket)))
    asked = replace(proving_bucket, checksums=client)
    if not changed:
        upload(asked, MODEL, locked, directory)
        assert proving_bucket.verify(MODEL, locked, deep=True) == ()
        return
    (directory / SHARDS[1]).write_bytes(sharded(second=b"!" * 700)[SHARDS[1]])
    with pytest.raises(WeightsError, match=rf"{SHARDS[1]} does not match the lock file"):
        upload(asked, MODEL, locked, directory)
    assert SHARDS[1] not in paths(proving_bucket.files(prefix(locked)))
