"""Run a command and say what it took, its children included."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

_PROC = Path("/proc")
_PERIOD = 0.01
# Fields of /proc/<pid>/stat after the name of the program (proc(5)): user and system time in ticks, resident pages.
_UTIME, _STIME, _RESIDENT = 11, 12, 21
# All that a measured process inherits: a developer's PYTHON…, JSII_… and NODE_… settings cost time, or hide some.
_INHERITED = ("HOME", "LANG", "PATH", "TMPDIR")


class RunError(Exception):
    """A measured command failed, or did not do what it is measured for."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its children took.

    Attributes:
        seconds: wall clock, from start to exit.
        cpu_seconds: processor time of all of them, to 0.01 s each; 0 where there is no /proc.
        peak_mib: most resident memory that they had together, sampled each 10 ms; 0 where there is no /proc.
        programs: names of the programs seen.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    programs: frozenset[str]


def environment(**values: str) -> dict[str, str]:
    """The environment of a measured process, with byte code and with this checkout's packages."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    packages = os.pathsep.join(str(REPOSITORY / name) for name in ("schema", "compiler", "weights"))
    return inherited | {"PYTHONPATH": packages} | values


def lisa(*arguments: str) -> list[str]:
    """The command `lisa`, of this checkout."""
    return [sys.executable, "-P", "-m", "lisa_compiler", *arguments]


def measure(command: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None) -> Usage:
    """Run a command to its end.

    Raises:
        RunError: it exits with anything but 0.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    tree = _Tree(process.pid)
    sampler = threading.Thread(target=tree.watch, daemon=True)
    sampler.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - began
    tree.stop.set()
    sampler.join()
    if process.returncode != 0:
        raise RunError(f"{' '.join(command)} exited with {process.returncode}:\n{output[-4000:]}")
    return Usage(seconds, sum(tree.cpu.values()), tree.peak / 2**20, frozenset(tree.programs))


class _Tree:
    """Samples a process and its descendants until told to stop."""

    def __init__(self, root: int) -> None:
        self.stop = threading.Event()
        self.cpu: dict[int, float] = {}
        self.peak = 0
        self.programs: set[str] = set()
        self._root = root
        self._tick: int = os.sysconf("SC_CLK_TCK")
        self._page: int = os.sysconf("SC_PAGE_SIZE")

    def watch(self) -> None:
        while not self.stop.wait(_PERIOD):
            self.peak = max(self.peak, self._sample(self._root))

    def _sample(self, pid: int) -> int:
        """Resident bytes of a process and its descendants; one that has just ended has none."""
        resident = 0
        with suppress(OSError, ValueError):
            name, _, rest = (_PROC / str(pid) / "stat").read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            self.programs.add(name)
            self.cpu[pid] = (int(fields[_UTIME]) + int(fields[_STIME])) / self._tick
            resident = int(fields[_RESIDENT]) * self._page
            for thread in os.listdir(_PROC / str(pid) / "task"):  # noqa: PTH208  # names, a hundred times a second
                children = (_PROC / str(pid) / "task" / thread / "children").read_text()
                resident += sum(self._sample(int(child)) for child in children.split())
        return resident
