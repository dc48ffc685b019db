"""`lisa weights` with a disk that is really full, and with models/ on a file system that is read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app
from weights import seaweedfs
from weights.carried import tar
from weights.faults import Content, content
from weights.interrupted_commands import BUCKET, LOCK, ON_DISK, Case, importing, local, with_bucket
from weights.model_files import checkpoint, sharded
from weights.project import MODEL

CHECKPOINT = {"config.json": b"{}", "pytorch_model.bin": checkpoint(bytes(3 << 20))}


def run(case: Case, root: Path) -> Result:
    return CliRunner().invoke(app, ["weights", *case.arguments(root)])


@contextmanager
def mounted(*arguments: str, at: Path) -> Iterator[None]:
    """A mount; it requires root, as the tests of containers do."""
    subprocess.run(["mount", *arguments, str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def require_refused(result: Result, said: str, root: Path, before: Content) -> None:
    assert result.exit_code == 1, result.output
    assert said in " ".join(result.output.split()), result.output
    assert not (root / LOCK).exists()
    assert content(root) == before


FULL = {
    "convert": (Case(lambda root: ["convert", str(root / "models" / MODEL)], local(CHECKPOINT)), "too full to convert"),
    "import": (
        Case(importing("m.tar"), lambda root: tar(root / "m.tar", CHECKPOINT)),
        "which do not fit the disk. Free up space.",
    ),
}


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk requires root")
@pytest.mark.parametrize("name", FULL)
def test_full_disk_is_reported_before_anything_is_written(tmp_path: Path, name: str) -> None:
    case, said = FULL[name]
    place = tmp_path / "small"
    place.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=5m", "tmpfs", at=place):
        root = case.fresh(place / "project")
        before = content(root)
        require_refused(run(case, root), said, root, before)
        subprocess.run(["mount", "-o", "remount,size=30m", str(place)], check=True)
        again = run(case, root)
        assert again.exit_code == 0, again.output


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Permission bits do not stop root, a read-only mount does."""
    if os.geteuid() == 0:
        with mounted("--bind", str(directory), at=directory):
            subprocess.run(["mount", "-o", "remount,bind,ro", str(directory)], check=True)
            yield
        return
    folders = [directory, *(path for path in directory.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o755)


READ_ONLY = {
    "convert": ON_DISK["convert"],
    "import": ON_DISK["import of a directory"],
}


@pytest.mark.parametrize("name", ["convert", "import"])
def test_read_only_models_are_unchanged(tmp_path: Path, name: str) -> None:
    case = READ_ONLY[name]
    root = case.fresh(tmp_path / "project")
    (root / "models").mkdir(exist_ok=True)
    before = content(root)
    said = "read-only" if os.geteuid() == 0 else "permission denied"
    with read_only(root / "models"):
        require_refused(run(case, root), said, root, before)
    assert run(case, root).exit_code == 0


def test_read_only_models_are_locked_and_uploaded(
    tmp_path: Path, store: seaweedfs.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in seaweedfs.OWNER.items():
        monkeypatch.setenv(key, value)
    case = Case(with_bucket(store.endpoint_url)["stage"].arguments, local(sharded()))
    root = case.fresh(tmp_path / "project")
    before = content(root)
    with read_only(root / "models"):
        staged = run(case, root)
    assert staged.exit_code == 0, staged.output
    assert content(root).keys() - before.keys() == {LOCK}
    assert "6 files uploaded" in staged.output
    store.empty(BUCKET)


def test_read_only_checkpoint_is_refused_by_stage(
    tmp_path: Path, store: seaweedfs.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in seaweedfs.OWNER.items():
        monkeypatch.setenv(key, value)
    case = Case(with_bucket(store.endpoint_url)["stage"].arguments, local(CHECKPOINT))
    root = case.fresh(tmp_path / "project")
    before = content(root)
    said = "read-only" if os.geteuid() == 0 else "permission denied"
    with read_only(root / "models"):
        require_refused(run(case, root), said, root, before)
