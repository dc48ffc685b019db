"""Programs: ready or a reason, their lines by name, and nothing left behind, even of a `lisa dev` that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lisa_compiler.dev.processes import ProcessError, Processes, Program, free_port, is_port_open, responds

CHILDREN = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.read(); "
SLEEPS = CHILDREN + "import time; time.sleep(600)"


def program(code: str, *, is_ready: Callable[[], bool] = lambda: True, seconds: float = 20) -> Program:
    return Program(
        name="part",
        command=[sys.executable, "-c", code],
        environment={"WORD": "hello"},
        is_ready=is_ready,
        seconds=seconds,
    )


def is_alive(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return status != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_lines_are_told_with_the_name_of_the_part() -> None:
    lines: list[tuple[str, str]] = []
    with Processes(lambda *line: lines.append(line)) as processes:
        running = processes.start_async(program("import os; print(os.environ['WORD'])"))
        running.process.wait()
        wait_until(lambda: bool(lines))
    assert lines == [("part", "hello")]


def test_a_port_is_reserved_for_this_process_before_anything_listens_on_it() -> None:
    taken = {free_port() for _ in range(300)}
    code = "from lisa_compiler.dev.processes import free_port; print(*(free_port() for _ in range(300)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    others = {int(port) for port in done.stdout.split()}
    assert len(others) == len(taken) == 300
    assert not taken & others


def test_the_system_never_chooses_a_reserved_port_by_itself() -> None:
    first, last = 32768, 60999
    ranges = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if ranges.exists():
        first, last = map(int, ranges.read_text().split())
    assert not first <= free_port() <= last


def test_a_program_is_started_when_it_answers() -> None:
    port = free_port()
    code = f"import http.server as h; h.HTTPServer(('127.0.0.1', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
    with Processes() as processes:
        processes.start(program(code, is_ready=responds(f"http://127.0.0.1:{port}/")))
        assert is_port_open(port)()
        processes.require_running()
    assert not is_port_open(port)()


def test_a_program_that_ends_is_named_with_its_last_lines() -> None:
    with Processes() as processes, pytest.raises(ProcessError) as caught:
        processes.start(program("print('no licence'); raise SystemExit(3)", is_ready=lambda: False))
    assert str(caught.value) == "part ended with 3. Last output:\n  no licence"


def test_a_program_that_never_answers_is_given_up() -> None:
    with Processes() as processes, pytest.raises(ProcessError, match=r"part is not ready after 0\.5 s"):
        processes.start(program("import time; time.sleep(600)", is_ready=lambda: False, seconds=0.5))


def test_a_program_that_ends_later_is_noticed() -> None:
    with Processes() as processes:
        running = processes.start(program("pass"))
        running.process.wait()
        with pytest.raises(ProcessError, match="part ended with 0"):
            processes.require_running()


def test_children_and_folders_are_gone_afterwards() -> None:
    lines: list[str] = []
    with Processes(lambda _part, line: lines.append(line)) as processes:
        folder = processes.folder()
        running = processes.start(program(SLEEPS, is_ready=lambda: bool(lines)))
    assert not folder.exists()
    wait_until(lambda: not is_alive(running.process.pid) and not is_alive(int(lines[0])))


def test_what_a_killed_process_started_is_ended_too(tmp_path: Path) -> None:
    parent = (
        "import sys, time; sys.path[:0] = sys.argv[1].split(':');"
        "from lisa_compiler.dev.processes import Processes, Program\n"
        "with Processes(lambda _, line: print(line, flush=True)) as processes:\n"
        "    print(processes.folder(), flush=True)\n"
        f"    command = [sys.executable, '-c', {SLEEPS!r}]\n"
        "    processes.start(Program(name='part', command=command, environment={}, is_ready=lambda: True))\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", parent, ":".join(sys.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as killed:
        assert killed.stdout is not None
        folder, child = Path(killed.stdout.readline().strip()), int(killed.stdout.readline())
        assert folder.is_dir()
        assert is_alive(child)
        os.kill(killed.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(child) and not folder.exists())
