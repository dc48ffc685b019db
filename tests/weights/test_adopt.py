"""`lisa weights adopt`: models of an older layout get the prefix of their content without an upload."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lisa_weights.adopt import adopt
from lisa_weights.errors import WeightsError
from lisa_weights.lock import s3_checksum
from lisa_weights.lock.lock_file import LockedModel, WeightsLock
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.stage import stage
from lisa_weights.stage_events import ModelAdopted, ModelLocked, ModelUploaded, ModelVerified
from lisa_weights.steps import no_progress
from lisa_weights.store.bucket import Bucket
from lisa_weights.transfer import upload, verify
from lisa_weights.workspace import Workspace
from weights import seaweedfs
from weights.model_files import SHARDS, sharded, write

MODEL = "org/name"


@pytest.fixture
def workspace(proving_bucket: Bucket, tmp_path: Path) -> Workspace:
    return Workspace(
        project=tmp_path / "project",
        environment="dev",
        bucket_name=proving_bucket.name,
        needed=(MODEL,),
        endpoint_url=proving_bucket.store.endpoint_url,
        checksums=lambda: proving_bucket.checksums,
    )


def fill(workspace: Workspace, store: seaweedfs.Store, files: dict[str, bytes]) -> LockedModel:
    """Put a model where LISA 2.x has it; returns an entry as an older LISA wrote it."""
    workspace.project.mkdir(exist_ok=True)
    directory = write(workspace.project / "source", files)
    store.do("cp", f"{directory}/", f"s3://{workspace.bucket_name}/{MODEL}/")
    locked = lock_directory(read_directory(directory))
    for path in files:
        (directory / path).unlink()
    return locked


def adopted(workspace: Workspace) -> ModelAdopted:
    events = list(adopt(workspace, (), no_progress))
    assert isinstance(events[0], ModelAdopted)
    assert events[1:] == [ModelLocked(MODEL, workspace.locked(MODEL))]
    return events[0]


@pytest.mark.parametrize("has_boto3", [True, False])
@pytest.mark.parametrize("is_locked", [True, False])
def test_model_gets_its_prefix_and_stays_where_it_was(
    *, workspace: Workspace, store: seaweedfs.Store, has_boto3: bool, is_locked: bool
) -> None:
    if not has_boto3:
        workspace = replace(workspace, checksums=lambda: None)
    before = fill(workspace, store, sharded() | {"README.md": b"not for serving", "pytorch_model.bin": b"x"})
    if is_locked:
        workspace.save(WeightsLock({MODEL: before}))
    assert adopted(workspace).copied == len(before.files)
    after = workspace.locked(MODEL)
    assert after == before.with_prefix(MODEL)
    bucket = workspace.bucket()
    assert bucket.verify(MODEL, after, deep=True) == ()
    assert {file.path for file in bucket.files(MODEL)} >= {file.path for file in before.files}
    assert {file.sha256 for file in bucket.files(after.location(MODEL), digests=True)} == {
        file.sha256 for file in after.files
    }
    assert list(adopt(workspace, (), no_progress)) == [ModelAdopted(MODEL, 0, 0)]
    (checked,) = verify(workspace, (), deep=False)
    assert isinstance(checked, ModelVerified)
    assert checked.is_valid


def test_checksum_of_the_store_saves_reading(workspace: Workspace, store: seaweedfs.Store, tmp_path: Path) -> None:
    workspace.project.mkdir()
    directory = write(tmp_path / "source", sharded())
    locked = lock_directory(read_directory(directory))
    bucket = workspace.bucket()
    assert bucket.checksums is not None
    for file in locked.files:
        checksum = s3_checksum.request_checksum(file.sha256)
        bucket.checksums.put(
            directory / file.path,
            bucket.name,
            f"{MODEL}/{file.path}",
            checksum=checksum,
            parts=(),
            metadata={},
            is_cancelled=lambda: False,
        )
    workspace.save(WeightsLock({MODEL: locked}))
    assert adopted(workspace) == ModelAdopted(MODEL, copied=len(locked.files), read=0)


def test_other_content_than_the_lock_is_not_adopted(workspace: Workspace, store: seaweedfs.Store) -> None:
    expected = fill(workspace, store, sharded(second=b"!" * 700))
    fill(workspace, store, sharded())
    workspace.save(WeightsLock({MODEL: expected}))
    with pytest.raises(WeightsError, match=f"does not match weights.lock.json in {SHARDS[1]}"):
        list(adopt(workspace, (), no_progress))
    assert workspace.locked(MODEL) == expected
    stored = {file.path for file in workspace.bucket().files(expected.with_prefix(MODEL).location(MODEL))}
    assert SHARDS[1] not in stored


def test_adoption_resumes(workspace: Workspace, store: seaweedfs.Store) -> None:
    before = fill(workspace, store, sharded())
    workspace.save(WeightsLock({MODEL: before}))
    target = before.with_prefix(MODEL).location(MODEL)
    store.do("cp", f"s3://{workspace.bucket_name}/{MODEL}/{SHARDS[0]}", f"s3://{workspace.bucket_name}/{target}/x")
    adopted(workspace)
    workspace.save(WeightsLock({MODEL: before}))
    assert adopted(workspace).copied == 0


@pytest.mark.parametrize("missing", ["config.json", SHARDS[1]])
def test_model_that_is_not_complete_is_not_adopted(workspace: Workspace, store: seaweedfs.Store, missing: str) -> None:
    locked = fill(workspace, store, sharded())
    store.do("rm", f"s3://{workspace.bucket_name}/{MODEL}/{missing}")
    with pytest.raises(WeightsError, match=f"cannot be served: .*{missing}"):
        list(adopt(workspace, (), no_progress))
    workspace.save(WeightsLock({MODEL: locked}))
    with pytest.raises(WeightsError, match=rf"\({missing} missing or of a different size\)"):
        list(adopt(workspace, (), no_progress))


def test_large_files_are_copied_in_parts(
    workspace: Workspace, store: seaweedfs.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fill(workspace, store, sharded(second=os.urandom(11 << 20)))
    workspace.save(WeightsLock({MODEL: before}))
    monkeypatch.setattr(s3_checksum, "MAX_REQUEST_BYTES", 6_000_000)
    monkeypatch.setattr(s3_checksum, "PART_BYTES", 5 << 20)
    assert adopted(workspace).read >= 1
    (large,) = [file for file in workspace.locked(MODEL).files if file.parts_sha256]
    assert large.path == SHARDS[1]
    assert workspace.bucket().verify(MODEL, workspace.locked(MODEL), deep=True) == ()


def test_stage_uploads_a_model_of_an_older_lock_to_its_prefix(workspace: Workspace, store: seaweedfs.Store) -> None:
    directory = write(workspace.models / MODEL, sharded())
    before = lock_directory(read_directory(directory))
    workspace.save(WeightsLock({MODEL: before}))
    store.do("cp", str(directory / "config.json"), f"s3://{workspace.bucket_name}/{MODEL}/{SHARDS[0]}")
    events = list(stage(workspace, no_progress, approve=lambda *_: False))
    # The entry is proved first, and then gets the prefix that the files are uploaded to.
    assert [type(event) for event in events[:3]] == [ModelLocked, ModelLocked, ModelUploaded]
    locked = workspace.locked(MODEL)
    assert events[1] == ModelLocked(MODEL, locked)
    assert locked.proofs
    assert replace(locked, proofs=()) == before.with_prefix(MODEL)
    assert events[2] == ModelUploaded(MODEL, len(before.files), 0)
    assert workspace.bucket().files(MODEL)[0].size == 2


def test_upload_keeps_a_model_of_an_older_lock_that_the_bucket_has(
    workspace: Workspace, bucket: Bucket, store: seaweedfs.Store
) -> None:
    directory = write(workspace.models / MODEL, sharded())
    before = lock_directory(read_directory(directory))
    workspace.save(WeightsLock({MODEL: before}))
    for file in before.files:
        store.do("cp", "--metadata", f"sha256={file.sha256}", str(directory / file.path), bucket.url(MODEL, file.path))
    assert list(upload(workspace, (), no_progress)) == [ModelUploaded(MODEL, 0, len(before.files))]
    assert workspace.locked(MODEL) == before


def test_missing_objects_of_an_older_lock_are_added_where_it_names_them(
    workspace: Workspace, bucket: Bucket, store: seaweedfs.Store
) -> None:
    directory = write(workspace.models / MODEL, sharded())
    before = lock_directory(read_directory(directory))
    workspace.save(WeightsLock({MODEL: before}))
    digest = next(file.sha256 for file in before.files if file.path == SHARDS[0])
    store.do("cp", "--metadata", f"sha256={digest}", str(directory / SHARDS[0]), bucket.url(MODEL, SHARDS[0]))
    assert list(upload(workspace, (), no_progress)) == [ModelUploaded(MODEL, len(before.files) - 1, 1)]
    assert workspace.locked(MODEL) == before
    assert bucket.verify(MODEL, before, deep=True) == ()
