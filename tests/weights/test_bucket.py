"""The models bucket, against a real S3: upload, download, verify, and what is complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LockedModel, WeightsLock
from lisa_weights.model_directory import lock_directory, read_directory
from lisa_weights.status import BucketState, LockState, NextAction, status
from lisa_weights.store.bucket import Bucket, MismatchKind
from lisa_weights.store.download import download
from lisa_weights.store.upload import upload
from weights import seaweedfs
from weights.model_files import SHARDS, safetensors, sharded, single, write

MODEL = "org/name"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write(tmp_path / "models" / MODEL, sharded())


@pytest.fixture
def locked(directory: Path) -> LockedModel:
    return lock_directory(read_directory(directory)).with_prefix(MODEL)


def paths(files: object) -> set[str]:
    return {file.path for file in files}  # type: ignore[attr-defined]


def test_what_is_uploaded_is_verified_and_comes_back(
    bucket: Bucket, directory: Path, locked: LockedModel, tmp_path: Path
) -> None:
    seen: list[str] = []
    moved = upload(bucket, MODEL, locked, directory, progress=lambda path, _: seen.append(path))
    assert paths(moved.moved) == set(seen) == set(sharded())
    assert set(seen[:2]) == set(SHARDS)
    assert bucket.verify(MODEL, locked) == bucket.verify(MODEL, locked, deep=True) == ()
    assert bucket.completeness(locked.location(MODEL)).is_complete
    target = tmp_path / "other"
    assert paths(download(bucket, MODEL, locked, target).moved) == set(sharded())
    assert lock_directory(read_directory(target)).files == locked.files
    assert not list(target.glob(".download.*"))


def test_a_second_transfer_moves_nothing(bucket: Bucket, directory: Path, locked: LockedModel) -> None:
    upload(bucket, MODEL, locked, directory)
    assert upload(bucket, MODEL, locked, directory).moved == ()
    assert download(bucket, MODEL, locked, directory).moved == ()


def test_other_content_of_the_same_size_is_stored_beside_it(
    bucket: Bucket, directory: Path, locked: LockedModel
) -> None:
    upload(bucket, MODEL, locked, directory)
    write(directory, {"tokenizer.json": b'{"a": 2}'})
    changed = lock_directory(read_directory(directory)).with_prefix(MODEL)
    compared = bucket.compare(locked.location(MODEL), changed.files)
    assert [(found.path, found.kind) for found in compared.mismatches] == [("tokenizer.json", MismatchKind.DIGEST)]
    assert paths(upload(bucket, MODEL, changed, directory).moved) == set(sharded())
    assert bucket.verify(MODEL, changed, deep=True) == bucket.verify(MODEL, locked, deep=True) == ()


def test_a_file_that_is_not_what_the_lock_says_does_not_go(
    bucket: Bucket, directory: Path, locked: LockedModel
) -> None:
    write(directory, {"tokenizer.json": b'{"a": 2}'})
    with pytest.raises(WeightsError, match=r"tokenizer\.json does not match the lock file"):
        upload(bucket, MODEL, locked, directory)
    assert bucket.files(locked.location(MODEL)) == ()


def test_names_with_glob_characters_and_spaces(bucket: Bucket, tmp_path: Path) -> None:
    directory = write(tmp_path / "its a [model]*", single() | {"a [1]* its.json": b"{}"})
    made = lock_directory(read_directory(directory)).with_prefix(MODEL)
    upload(bucket, MODEL, made, directory)
    assert bucket.verify(MODEL, made, deep=True) == ()
    assert paths(download(bucket, MODEL, made, tmp_path / "b [2]").moved) == paths(made.files)


def test_a_model_whose_name_begins_alike_is_another_one(bucket: Bucket, directory: Path, locked: LockedModel) -> None:
    upload(bucket, f"{MODEL}-chat", locked.with_prefix(f"{MODEL}-chat"), directory)
    assert bucket.files(locked.location(MODEL)) == ()


@pytest.mark.parametrize(
    ("content", "shallow", "deep"),
    [
        (None, MismatchKind.MISSING, MismatchKind.MISSING),
        (b"", MismatchKind.SIZE, MismatchKind.SIZE),
        (sharded()[SHARDS[1]][:-1], MismatchKind.SIZE, MismatchKind.SIZE),
        (sharded(second=b"!" * 700)[SHARDS[1]], MismatchKind.UNPROVEN, MismatchKind.DIGEST),
        (sharded()[SHARDS[1]], MismatchKind.UNPROVEN, None),
    ],
)
def test_a_shard_that_something_else_changed(
    *,
    bucket: Bucket,
    store: seaweedfs.Store,
    directory: Path,
    locked: LockedModel,
    tmp_path: Path,
    content: bytes | None,
    shallow: MismatchKind,
    deep: MismatchKind | None,
) -> None:
    upload(bucket, MODEL, locked, directory)
    if content is None:
        store.do("rm", bucket.url(locked.location(MODEL), SHARDS[1]))
    else:
        (tmp_path / "x").write_bytes(content)
        store.do("cp", str(tmp_path / "x"), bucket.url(locked.location(MODEL), SHARDS[1]))
    assert [(f.path, f.kind) for f in bucket.verify(MODEL, locked)] == [(SHARDS[1], shallow)]
    assert [f.kind for f in bucket.verify(MODEL, locked, deep=True)] == ([] if deep is None else [deep])
    assert paths(upload(bucket, MODEL, locked, directory).moved) == {SHARDS[1]}
    assert bucket.verify(MODEL, locked, deep=True) == ()


def corrupt(bucket: Bucket, store: seaweedfs.Store, locked: LockedModel, scratch: Path) -> None:
    """Replace a shard by other content of the same size that carries the right digest."""
    digest = next(file.sha256 for file in locked.files if file.path == SHARDS[1])
    scratch.write_bytes(sharded(second=b"!" * 700)[SHARDS[1]])
    store.do("cp", "--metadata", f"sha256={digest}", str(scratch), bucket.url(locked.location(MODEL), SHARDS[1]))


def test_corruption_behind_a_right_digest_is_found_by_reading(
    bucket: Bucket, store: seaweedfs.Store, directory: Path, locked: LockedModel, tmp_path: Path
) -> None:
    upload(bucket, MODEL, locked, directory)
    corrupt(bucket, store, locked, tmp_path / "x")
    assert bucket.verify(MODEL, locked) == ()
    assert [f.kind for f in bucket.verify(MODEL, locked, deep=True)] == [MismatchKind.DIGEST]


def test_corrupted_content_does_not_take_its_name(
    bucket: Bucket, store: seaweedfs.Store, directory: Path, locked: LockedModel, tmp_path: Path
) -> None:
    upload(bucket, MODEL, locked, directory)
    corrupt(bucket, store, locked, tmp_path / "x")
    target = tmp_path / "other"
    with pytest.raises(WeightsError, match=f"does not match the lock file in {SHARDS[1]}"):
        download(bucket, MODEL, locked, target)
    assert not (target / SHARDS[1]).exists()
    assert (target / SHARDS[0]).exists()


@pytest.mark.parametrize(
    "present",
    [
        {"config.json": b"{}", "model.safetensors.index.json": sharded()["model.safetensors.index.json"]},
        {"config.json": b"{}", SHARDS[0]: sharded()[SHARDS[0]]},
        {name: content for name, content in sharded().items() if name != SHARDS[1]},
        sharded() | {SHARDS[1]: safetensors({"y": b"b" * 700})[:-1]},
        sharded() | {SHARDS[1]: b""},
        {"config.json": b"{}", "model.safetensors": b"short"},
        {"model.safetensors": single()["model.safetensors"]},
    ],
)
def test_parts_of_a_model_are_not_complete(
    bucket: Bucket, store: seaweedfs.Store, tmp_path: Path, present: dict[str, bytes]
) -> None:
    write(tmp_path / "m", present)
    store.do("cp", f"{tmp_path / 'm'}/", bucket.url(MODEL))
    assert bucket.completeness(MODEL).problems
    rows = status([MODEL], tmp_path / "none", WeightsLock(), bucket)
    assert rows[0].bucket is BucketState.INCOMPLETE


def test_an_empty_prefix_is_not_complete(bucket: Bucket, locked: LockedModel) -> None:
    assert bucket.completeness(MODEL).problems
    assert {mismatch.kind for mismatch in bucket.verify(MODEL, locked)} == {MismatchKind.MISSING}


def test_status_follows_a_model(bucket: Bucket, directory: Path, locked: LockedModel) -> None:
    models = directory.parents[1]
    empty, full = WeightsLock(), WeightsLock({MODEL: locked})

    def row(lock: WeightsLock, where: Path = models) -> tuple[object, ...]:
        (found,) = status([MODEL], where, lock, bucket)
        return found.lock, found.bucket, found.next_action

    assert row(empty, models / "none") == (LockState.ABSENT, BucketState.ABSENT, NextAction.FETCH)
    assert row(empty) == (LockState.ABSENT, BucketState.ABSENT, NextAction.STAGE)
    assert row(full) == (LockState.LOCKED, BucketState.ABSENT, NextAction.UPLOAD)
    upload(bucket, MODEL, locked, directory)
    assert row(full) == (LockState.LOCKED, BucketState.UNPROVEN, NextAction.NONE)
    assert row(full, models / "none") == (LockState.LOCKED, BucketState.UNPROVEN, NextAction.NONE)
    assert row(empty) == (LockState.ABSENT, BucketState.ABSENT, NextAction.STAGE)
    write(directory, {"vocab.txt": b"more"})
    assert row(full) == (LockState.DIFFERS, BucketState.UNPROVEN, NextAction.STAGE)
