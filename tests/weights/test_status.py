"""Where models stand without a bucket to ask."""

from __future__ import annotations

from pathlib import Path

from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.model_directory import LocalState, lock_directory, read_directory
from lisa_weights.status import BucketState, LockState, NextAction, status
from weights.model_files import SHARDS, sharded, single, write


def test_needed_and_locked_models_are_told_in_order(tmp_path: Path) -> None:
    locked = lock_directory(read_directory(write(tmp_path / "org" / "b", single())))
    rows = status(["org/c", "org/a"], tmp_path, WeightsLock({"org/b": locked}))
    assert [(row.model, row.needed, row.next_action) for row in rows] == [
        ("org/a", True, NextAction.FETCH),
        ("org/b", False, NextAction.NONE),
        ("org/c", True, NextAction.FETCH),
    ]
    assert rows[1].total_bytes == locked.total_bytes
    assert rows[1].bucket is BucketState.UNKNOWN


def test_a_checkpoint_is_to_be_converted(tmp_path: Path) -> None:
    write(tmp_path / "org" / "a", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    (row,) = status(["org/a"], tmp_path, WeightsLock())
    assert (row.local, row.lock, row.next_action) == (LocalState.CHECKPOINT, LockState.ABSENT, NextAction.CONVERT)


def test_a_missing_shard_is_told(tmp_path: Path) -> None:
    directory = write(tmp_path / "org" / "a", sharded())
    (directory / SHARDS[1]).unlink()
    (row,) = status(["org/a"], tmp_path, WeightsLock())
    assert (row.local, row.next_action) == (LocalState.INCOMPLETE, NextAction.FETCH)
    assert row.problems == (f"{SHARDS[1]} cannot be used: it is missing",)
