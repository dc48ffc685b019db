"""Notes of where a local model came from, and what a download that has not ended means for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_weights.lock.lock_file import SourceKind, WeightsLock
from lisa_weights.origin import (
    arrived_from,
    arrived_revision,
    forget_download,
    is_arriving,
    note_arrival,
    note_download,
    read_origin,
)
from lisa_weights.output_tensors import CONVERTER_VERSION
from lisa_weights.resolve import IssueKind, resolve
from weights.model_files import checkpoint, single, write

MODEL = "org/name"
COMMIT = "c" * 40


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write(tmp_path / MODEL, single())


@pytest.mark.parametrize("change", [True, False])
def test_model_is_not_locked_while_it_arrives(directory: Path, tmp_path: Path, change: bool) -> None:
    note_download(directory, COMMIT)
    assert is_arriving(directory)
    found = resolve([MODEL], tmp_path, WeightsLock(), change=change)
    assert (found.locked, [issue.kind for issue in found.issues]) == ((), [IssueKind.INCOMPLETE])
    assert f"run `lisa weights fetch {MODEL}`, or remove .lisa-origin.json" in found.issues[0].reasons[0]


def test_commit_of_an_interrupted_command_is_locked(directory: Path, tmp_path: Path) -> None:
    note_download(directory, COMMIT)
    note_arrival(directory, COMMIT, single())
    entry = resolve([MODEL], tmp_path, WeightsLock()).lock.models[MODEL]
    assert (entry.kind, entry.revision) == (SourceKind.HUB, COMMIT)


def test_commit_of_files_that_changed_is_not_locked(directory: Path, tmp_path: Path) -> None:
    note_arrival(directory, COMMIT, single())
    write(directory, single(b"d" * 500))
    entry = resolve([MODEL], tmp_path, WeightsLock()).lock.models[MODEL]
    assert (entry.kind, entry.revision) == (SourceKind.LOCAL, None)


def test_commit_of_files_that_are_gone_is_unknown(directory: Path) -> None:
    note_arrival(directory, COMMIT, single())
    (directory / "config.json").unlink()
    assert arrived_revision(directory, [], is_converted=False) is None


def test_commit_is_not_locked_with_a_file_that_was_added(directory: Path, tmp_path: Path) -> None:
    note_arrival(directory, COMMIT, single())
    write(directory, {"tokenizer.json": b"{}"})
    entry = resolve([MODEL], tmp_path, WeightsLock()).lock.models[MODEL]
    assert (entry.kind, entry.revision) == (SourceKind.LOCAL, None)


def test_commit_of_a_checkpoint_is_locked_with_what_was_converted(tmp_path: Path) -> None:
    files = {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")}
    note_arrival(write(tmp_path / MODEL, files), COMMIT, files)
    entry = resolve([MODEL], tmp_path, WeightsLock()).lock.models[MODEL]
    assert (entry.kind, entry.revision, entry.converter) == (SourceKind.HUB, COMMIT, CONVERTER_VERSION)


def test_import_is_repeated_if_the_carrier_or_the_model_changed(directory: Path) -> None:
    carried = {"/media/model.tar": (10, 1, 2)}
    note_arrival(directory, None, single(), carried)
    assert arrived_from(directory, carried)
    assert not arrived_from(directory, {"/media/model.tar": (10, 1, 3)})
    write(directory, single())
    assert not arrived_from(directory, carried)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"files": 3}', b"\xff", b"[" * 100_000])
def test_unreadable_note_is_none(directory: Path, content: bytes) -> None:
    (directory / ".lisa-origin.json").write_bytes(content)
    assert read_origin(directory) is None
    assert not is_arriving(directory)


def test_forgotten_download_is_no_download(directory: Path) -> None:
    note_download(directory, COMMIT)
    forget_download(directory)
    assert not is_arriving(directory)
