"""Weights that are copied while something else happens: verification, a second container, kill -9."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from containers.context import Container, container, stop_group, wait_for
from containers.staged_weights import FILES, SERVED
from containers.test_weights import on_disk

# s5cmd that does not copy until it may: the moment in which a start is killed.
WAITING_S5CMD = """#!/bin/bash
echo $$ >"$FAKE_OUT/copying"
while [[ ! -e $FAKE_OUT/go ]]; do sleep 0.02; done
exec "$FAKE_OUT/s5cmd" "$@"
"""


def test_a_file_is_verified_while_the_next_one_is_copied(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES)
    real = tmp_path / "out" / "real"
    shutil.copy(tmp_path / "bin" / "s5cmd", real)
    # The second copy begins when the first file has its name.
    text = real.read_text().replace(
        "for line in sys.stdin:",
        "import time\nfor number, line in enumerate(sys.stdin):\n"
        f"    while number == 2 and not pathlib.Path({str(made.model / 'config.json')!r}).exists(): time.sleep(0.01)",
    )
    made.fake("s5cmd", text)
    status, errors = made.run()
    assert status == 0, errors
    assert on_disk(made.model) == FILES


def paused(folder: Path) -> Container:
    made = container(folder, "tgi", FILES)
    made.stage(FILES)
    shutil.copy(folder / "bin" / "s5cmd", folder / "out" / "s5cmd")
    made.fake("s5cmd", WAITING_S5CMD)
    return made


def test_a_second_container_waits_and_copies_nothing(tmp_path: Path) -> None:
    made = paused(tmp_path)
    first = made.start()
    try:
        wait_for(tmp_path / "out" / "copying")
        second = made.start()
        try:
            assert second.stderr is not None
            assert "another container copies weights" in second.stderr.readline()
            (tmp_path / "out" / "go").touch()
            assert first.wait(timeout=20) == 0
            assert second.wait(timeout=20) == 0
        finally:
            stop_group(second)
    finally:
        stop_group(first)
    assert sorted(made.copied) == sorted(FILES)
    assert on_disk(made.model) == FILES


def test_the_server_does_not_hold_the_lock(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES)
    del made.environment["FAKE_SERVER_EXITS"]
    process = made.start()
    try:
        wait_for(made.out(SERVED, "pid"))
        with (made.model / ".lisa-weights.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        stop_group(process)


# Programs that the script runs, which the test lets kill the process group in the nth call.
KILLER = """#!/bin/bash
count=$(($(cat "$FAKE_OUT/calls" 2>/dev/null || echo 0) + 1))
echo "$count" >"$FAKE_OUT/calls"
if ((count == {nth})); then kill -KILL 0; fi
exec /usr/bin/{program} "$@"
"""


@pytest.mark.parametrize("program", ["mkdir", "mv", "find", "openssl", "stat", "rm"])
@pytest.mark.parametrize("nth", [1, 3, 5])
def test_kill_at_any_moment(tmp_path: Path, program: str, nth: int) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.stage(FILES)
    made.fake(program, KILLER.format(program=program, nth=nth))
    process = made.start()
    try:
        process.communicate(timeout=30)
    finally:
        stop_group(process)
    named = {name: content for name, content in on_disk(made.model).items() if not name.startswith(".partial/")}
    assert named.items() <= FILES.items()
    (tmp_path / "bin" / program).unlink()
    status, errors = made.run()
    assert status == 0, errors
    assert on_disk(made.model) == FILES
    assert len((made.model / ".lisa-weights").read_text().splitlines()) == 1 + len(FILES)


def test_kill_while_copying_leaves_no_lock(tmp_path: Path) -> None:
    made = paused(tmp_path)
    process = made.start()
    wait_for(tmp_path / "out" / "copying")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (tmp_path / "out" / "go").touch()
    began = time.monotonic()
    status, errors = made.run()
    assert status == 0, errors
    assert time.monotonic() - began < 20
    assert on_disk(made.model) == FILES
