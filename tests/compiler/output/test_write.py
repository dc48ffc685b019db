"""The writer of compiled output: it replaces an environment's directory atomically."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lisa_compiler.output import atomic_directory, write
from lisa_compiler.output.atomic_directory import OutputWriteError
from lisa_compiler.output.tree import files_below, matches_exactly
from lisa_compiler.output.write import write_environment

from .environment_directory import NEW, OLD, WAYS, file_by_file, leftovers, read, rename_aside


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


ways = pytest.mark.parametrize("way", WAYS, ids=["exchange", "rename-aside", "file-by-file"])


@ways
def test_replaces_a_directory_whole(output: Path, monkeypatch: pytest.MonkeyPatch, way: object) -> None:
    assert callable(way)
    way(monkeypatch)
    write_environment(output, "dev", OLD)
    assert read(output / "dev") == OLD
    write_environment(output, "dev", NEW)
    assert read(output / "dev") == NEW
    assert not (output / "dev/gone").is_dir()
    assert leftovers(output) == []


def test_modes_do_not_depend_on_the_umask(output: Path, narrow_umask: None) -> None:
    write_environment(output, "dev", NEW)
    modes = {name: path.stat().st_mode & 0o777 for name, path in files_below(output / "dev")}
    assert modes == {name: 0o755 if name.endswith(".sh") else 0o644 for name in NEW}
    assert {path.stat().st_mode & 0o777 for path in (output / "dev", output / "dev/deep", output / "dev/deep/er")} == {
        0o755
    }


def test_the_same_files_leave_the_directory_alone(output: Path) -> None:
    write_environment(output, "dev", OLD)
    before = (output / "dev").stat()
    write_environment(output, "dev", OLD)
    after = (output / "dev").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda dev: (dev / "a.txt").write_text("odd"),
        lambda dev: (dev / "a.txt").unlink(),
        lambda dev: (dev / "extra.txt").write_text(""),
        lambda dev: (dev / "a.txt").chmod(0o755),
        lambda dev: ((dev / "a.txt").rename(dev / "b.txt"), (dev / "a.txt").symlink_to("b.txt")),
    ],
    ids=["changed", "missing", "extra", "mode", "link"],
)
def test_whatever_was_changed_by_hand_is_put_right(output: Path, tamper: object) -> None:
    write_environment(output, "dev", OLD)
    assert callable(tamper)
    tamper(output / "dev")
    write_environment(output, "dev", OLD)
    assert matches_exactly(output / "dev", OLD)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../x", "", ".", "a//b", "a\\b", "./a", "a/", "a\0b"])
def test_refuses_paths_that_lead_outside(output: Path, name: str) -> None:
    with pytest.raises(OutputWriteError, match="not a path inside"):
        write_environment(output, "dev", {"manifest.json": b"", name: b""})
    assert not output.exists()


@pytest.mark.parametrize("environment", ["..", ".", "a/b", "", ".lisa", "-x"])
def test_refuses_names_that_are_no_directory(output: Path, environment: str) -> None:
    with pytest.raises(OutputWriteError, match="rename the environment"):
        write_environment(output, environment, OLD)


def test_refuses_a_file_below_a_file(output: Path) -> None:
    with pytest.raises(OutputWriteError, match="a path that is a file"):
        write_environment(output, "dev", {"manifest.json": b"", "a": b"", "a/b": b""})


def test_refuses_output_that_no_later_run_could_replace(output: Path) -> None:
    with pytest.raises(OutputWriteError, match=r"no manifest\.json"):
        write_environment(output, "dev", {"a": b""})


def test_refuses_to_replace_what_it_did_not_make(output: Path) -> None:
    (output / "dev").mkdir(parents=True)
    (output / "dev/thesis.tex").write_text("years of work")
    with pytest.raises(OutputWriteError, match="was not created by LISA"):
        write_environment(output, "dev", NEW)
    assert (output / "dev/thesis.tex").read_text() == "years of work"


def test_takes_an_empty_directory(output: Path) -> None:
    (output / "dev").mkdir(parents=True)
    write_environment(output, "dev", NEW)
    assert read(output / "dev") == NEW


def test_refuses_a_link_in_the_place_of_the_directory(output: Path, tmp_path: Path) -> None:
    write_environment(tmp_path / "elsewhere", "dev", OLD)
    output.mkdir()
    (output / "dev").symlink_to(tmp_path / "elsewhere/dev")
    with pytest.raises(OutputWriteError, match="was not created by LISA"):
        write_environment(output, "dev", NEW)
    assert read(tmp_path / "elsewhere/dev") == OLD


def test_one_writer_at_a_time(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "_LOCK_WAIT", 1.1)
    write_environment(output, "dev", OLD)
    with (output / ".lisa/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OutputWriteError, match="Another compile is writing"):
            write_environment(output, "dev", NEW)
    assert read(output / "dev") == OLD


def test_the_second_writer_waits_for_the_first(output: Path) -> None:
    write_environment(output, "dev", OLD)
    with (output / ".lisa/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        release = threading.Timer(0.3, fcntl.flock, (lock, fcntl.LOCK_UN))
        release.start()
        write_environment(output, "dev", NEW)
        release.join()
    assert read(output / "dev") == NEW


def test_every_file_and_directory_is_on_the_disk_before_it_counts(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = set()
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_environment(output, "dev", NEW)
    written = [output, output / "dev", *(output / "dev").rglob("*")]
    assert [path for path in written if path.stat().st_ino not in synced] == []


def test_git_ignores_what_belongs_to_the_machine(output: Path) -> None:
    write_environment(output, "dev", OLD)
    assert (output / ".lisa/.gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only file system"), (errno.EACCES, "permission denied")],
)
def test_a_refusal_of_the_system_leaves_the_old_output(
    output: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    write_environment(output, "dev", OLD)

    def refuse(descriptor: int, mode: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(OutputWriteError, match=words):
        write_environment(output, "dev", NEW)
    assert read(output / "dev") == OLD
    assert leftovers(output) == []


def test_a_failed_rename_puts_the_old_output_back(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_environment(output, "dev", OLD)
    rename_aside(monkeypatch)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.suffix == ".complete":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OutputWriteError, match="input/output error"):
        write_environment(output, "dev", NEW)
    assert read(output / "dev") == OLD


def test_a_full_disk_while_files_are_replaced_is_told(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_environment(output, "dev", OLD)
    file_by_file(monkeypatch)
    replace_file = atomic_directory.replace_file

    def refuse(target: Path, content: bytes, *, mode: int) -> None:
        if target.name == "a.txt":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace_file(target, content, mode=mode)

    monkeypatch.setattr(atomic_directory, "replace_file", refuse)
    with pytest.raises(OutputWriteError, match="was only partly replaced: the disk is full"):
        write_environment(output, "dev", NEW)
    monkeypatch.setattr(atomic_directory, "replace_file", replace_file)
    write_environment(output, "prod", OLD)
    assert read(output / "dev") == NEW


def test_a_file_that_does_not_change_is_not_written_again(output: Path) -> None:
    write_environment(output, "dev", OLD)
    kept = next(name for name in OLD if OLD[name] == NEW.get(name, OLD[name]) and name != "manifest.json")
    new = {**OLD, "another": b"1"}
    before = (output / "dev" / kept).stat()
    write_environment(output, "dev", new)
    after = (output / "dev" / kept).stat()
    assert (after.st_ino, after.st_nlink) == (before.st_ino, 1)
    assert read(output / "dev") == new


def test_a_file_that_something_else_links_to_is_written_again(output: Path, tmp_path: Path) -> None:
    write_environment(output, "dev", OLD)
    other = tmp_path / "copy"
    other.hardlink_to(output / "dev" / "a.txt")
    write_environment(output, "dev", {**OLD, "another": b"1"})
    other.write_bytes(b"edited in place")
    assert (output / "dev" / "a.txt").read_bytes() == OLD["a.txt"]


def test_a_file_of_another_mode_is_written_again(output: Path) -> None:
    write_environment(output, "dev", OLD)
    (output / "dev" / "a.txt").chmod(0o666)
    write_environment(output, "dev", {**OLD, "another": b"1"})
    assert stat.S_IMODE((output / "dev" / "a.txt").stat().st_mode) == 0o644
