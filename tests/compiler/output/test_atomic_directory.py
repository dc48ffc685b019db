"""A directory is replaced atomically, whenever the process ends."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from lisa_compiler.output import atomic_directory, write
from lisa_compiler.output.write import write_environment

from .environment_directory import NEW, OLD, WAYS, leftovers, read


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges directories")
def test_directories_are_exchanged_by_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "name").write_text(name)
    assert atomic_directory._exchange(Path("one"), Path("two"))
    assert [Path(name, "name").read_text() for name in ("one", "two")] == ["two", "one"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges directories")
def test_what_cannot_be_exchanged_is_the_errno_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic_directory._exchange(tmp_path / "one", tmp_path / "two")


def test_directories_are_not_exchanged_without_the_system_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert not atomic_directory._exchange(tmp_path / "one", tmp_path / "two")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not atomic_directory._exchange(tmp_path / "one", tmp_path / "two")


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from lisa_compiler.output import atomic_directory, write
import environment_directory as case
import pytest

case.WAYS[{way}](pytest.MonkeyPatch())
output = Path({output!r})
NAMES = ("open", "mkdir", "rename", "replace", "unlink", "rmdir", "fsync", "chmod", "fchmod", "close")

def counted(function, state):
    def call(*args, **kwargs):
        state["left"] -= 1
        if state["left"] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

moment, finished = 0, False
while not finished:
    moment += 1
    child = os.fork()
    if child == 0:
        state = {{"left": moment}}
        for name in NAMES:
            setattr(os, name, counted(getattr(os, name), state))
        atomic_directory._exchange = counted(atomic_directory._exchange, state)
        write.write_environment(output, "dev", case.NEW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    finished = status == 0
    assert finished or os.WTERMSIG(status) == signal.SIGKILL, status
    if {way} == 0:
        assert case.read(output / "dev") in (case.OLD, case.NEW), moment
    write.write_environment(output, "other", {{"manifest.json": str(moment).encode()}})  # the next run repairs
    assert case.read(output / "dev") in (case.OLD, case.NEW), moment
    assert case.leftovers(output) == [], moment
    write.write_environment(output, "dev", case.OLD)
print(moment)
"""


@pytest.mark.parametrize("way", range(len(WAYS)), ids=["exchange", "rename-aside", "file-by-file"])
def test_a_kill_at_any_moment_leaves_old_or_new(output: Path, way: int) -> None:
    write_environment(output, "dev", OLD)
    path = [str(Path(__file__).parent), *sys.path]
    script = KILLED.format(path=path, way=way, output=str(output))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30
    assert read(output / "dev") == OLD


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ({"complete": NEW, "previous": OLD}, NEW),
        ({"complete": NEW}, NEW),
        ({"staging": NEW, "previous": OLD}, OLD),
    ],
    ids=["both", "complete alone", "previous alone"],
)
def test_recover_prefers_the_complete_directory(
    output: Path, left: dict[str, dict[str, bytes]], expected: dict[str, bytes]
) -> None:
    state = write.state_directory(output)
    for suffix, files in left.items():
        write_environment(output.with_name("written"), suffix, files)
        (output.with_name("written") / suffix).rename(state / f"dev.{suffix}")
    atomic_directory.recover(output, state)
    assert read(output / "dev") == expected
    assert leftovers(output) == []


def test_a_killed_first_write_leaves_nothing_or_all(output: Path) -> None:
    state = write.state_directory(output)
    (state / "dev.staging").mkdir()
    (state / "dev.staging/manifest.json").write_bytes(b"half")
    write_environment(output, "prod", OLD)
    assert not (output / "dev").exists()
    assert leftovers(output) == []
