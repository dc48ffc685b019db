"""Atomic replacement of files, once for all that use it: kills, readers, writers, modes and links."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lisa_schema.atomic_file import replace_file, replaced_file, temporary_directory

OLD, NEW = b"old" * 1000, b"new" * 2000


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "config[1].yaml"


def names(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("sync", [False, True])
def test_replace_file_leaves_the_file_alone_in_its_directory(target: Path, sync: bool) -> None:
    for content in (OLD, NEW):
        replace_file(target, content, sync=sync)
        assert (target.read_bytes(), names(target)) == (content, [target.name])


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [(None, None, 0o644), (0o600, None, 0o600), (0o755, None, 0o755), (0o644, 0o600, 0o600), (None, 0o600, 0o600)],
    ids=["new", "private stays", "executable stays", "asked", "new and asked"],
)
@pytest.mark.parametrize("umask", [0o000, 0o077], ids=["umask 000", "umask 077"])
def test_mode_is_kept_or_the_one_asked_for(
    target: Path, before: int | None, asked: int | None, after: int, umask: int
) -> None:
    if before is not None:
        target.write_bytes(OLD)
        target.chmod(before)
    previous = os.umask(umask)
    try:
        replace_file(target, NEW, mode=asked)
    finally:
        os.umask(previous)
    assert mode(target) == after


def test_only_the_owner_reaches_a_file_that_is_being_written(target: Path) -> None:
    with replaced_file(target, mode=0o600) as temporary:
        temporary.write_bytes(NEW)
        assert mode(temporary.parent) == 0o700


def test_an_error_leaves_the_file_and_nothing_else(target: Path) -> None:
    target.write_bytes(OLD)

    def interrupted() -> None:
        with replaced_file(target) as temporary:
            temporary.write_bytes(NEW[:10])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (target.read_bytes(), names(target)) == (OLD, [target.name])


def test_a_symbolic_link_is_replaced_and_its_file_stays(target: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(OLD)
    target.symlink_to(elsewhere)
    replace_file(target, NEW)
    assert (target.is_symlink(), target.read_bytes(), elsewhere.read_bytes()) == (False, NEW, OLD)


def test_sync_writes_the_content_before_the_rename_and_the_directory_after_it(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        calls.append("sync directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        real_sync(descriptor)

    def replace(path: Path, other: Path) -> Path:
        calls.append("replace")
        return real_replace(path, other)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    replace_file(target, NEW, sync=True)
    assert calls == ["sync file", "replace", "sync directory"]


KILLED = """
import os, signal, sys
from pathlib import Path
from lisa_schema.atomic_file import replace_file

target, old, new = Path(sys.argv[1]), b"old" * 1000, b"new" * 2000
seen = set()
EVENTS = {"open", "os.mkdir", "os.chmod", "os.rename", "os.rmdir", "os.remove", "fcntl.flock", "os.scandir"}
moment, finished = 0, False
while not finished:
    moment += 1
    child = os.fork()
    if child == 0:
        left = moment
        def hook(event, arguments):
            global left
            left -= event in EVENTS
            if left == 0:
                left = -1
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        replace_file(target, new, sync=True)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    finished = status == 0
    assert finished or os.WTERMSIG(status) == signal.SIGKILL, status
    content = target.read_bytes()
    assert content in (old, new), moment
    seen.add(content)
    replace_file(target, old)
    assert os.listdir(target.parent) == [target.name], moment
assert seen == {old, new}
print(moment)
"""


def test_a_kill_at_any_moment_leaves_old_or_new_and_the_next_write_cleans_up(target: Path) -> None:
    target.write_bytes(OLD)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(target)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 8


def test_concurrent_writers_and_readers_see_complete_content(target: Path) -> None:
    contents = [bytes([65 + number]) * 100_000 for number in range(4)]
    target.write_bytes(contents[0])
    errors: list[BaseException] = []

    def write(content: bytes) -> None:
        try:
            for _ in range(20):
                replace_file(target, content)
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert target.read_bytes() in contents
    for writer in writers:
        writer.join()
    assert errors == []
    assert (target.read_bytes() in contents, names(target)) == (True, [target.name])


def test_a_write_removes_what_a_killed_one_left_and_not_what_a_running_one_has(target: Path) -> None:
    abandoned = target.parent / f".{target.name}.0a0b0c0d.part"
    abandoned.mkdir()
    (abandoned / target.name).write_bytes(b"half")
    other = f".{target.name}.old.0a0b0c0d.part"
    (target.parent / other).mkdir()
    with temporary_directory(target.parent, target.name) as running:
        replace_file(target, NEW)
        assert names(target) == sorted([other, running.name, target.name])


def test_a_program_that_replaces_the_temporary_file_itself(target: Path) -> None:
    with replaced_file(target) as temporary:
        temporary.write_bytes(b"begun")
        other = temporary.with_name("other")
        other.write_bytes(NEW)
        other.rename(temporary)
        replace_file(target, OLD)
    assert (target.read_bytes(), names(target)) == (NEW, [target.name])


def test_a_file_system_without_locks_writes_too(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("lisa_schema.atomic_file.fcntl.flock", refuse)
    replace_file(target, NEW)
    assert (target.read_bytes(), names(target)) == (NEW, [target.name])


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "missing" / "file", NEW)
