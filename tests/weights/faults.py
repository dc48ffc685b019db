"""Real `lisa` processes that are killed, refused or held at a chosen operation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Literal

_SERVER = Path(__file__).with_name("fault_server.py")

Action = Literal["kill", "refuse", "hold"]
Content = dict[str, bytes | None]
"""Files by path with their bytes; directories have None."""

KILLED = -signal.SIGKILL
_OTHERS = ".cache"
"""huggingface_hub's own state."""

_STAMPS = ".lisa-origin.json"
"""Has the time stamps of other files."""

_CACHE = ".lisa-weights.json"
"""The cache of digests, which only saves time."""


@dataclass(frozen=True)
class Outcome:
    """How a process ended: status (negative for a signal), text on both outputs, and its operations in order."""

    status: int
    output: str
    operations: tuple[str, ...]


@dataclass(frozen=True)
class Running:
    """A process that runs."""

    commands: Commands
    pid: int
    report: Path

    def wait(self) -> Outcome:
        """Wait for its end."""
        status = self.commands.ask({"wait": self.pid})
        output, operations = ((self.report / name).read_text() for name in ("output", "operations"))
        return Outcome(status, output, tuple(operations.splitlines()))

    def wait_until_held(self) -> None:
        """Wait until it is held at the chosen operation."""
        deadline = time.monotonic() + 30
        while not (self.report / "held").exists():
            assert time.monotonic() < deadline, (self.report / "output").read_text()
            time.sleep(0.01)

    def release(self) -> None:
        """Let a held process go on."""
        (self.report / "go").touch()

    def kill(self) -> None:
        """Kill it from outside."""
        os.kill(self.pid, signal.SIGKILL)


@dataclass
class Commands:
    """Starts processes; all share the imported modules of one server, so that each takes milliseconds to begin."""

    server: subprocess.Popen[str]
    reports: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def warm(self, *arguments: str) -> None:
        """Run a command in the server itself, so that its processes begin with what it has loaded."""
        assert self.ask({"warm": arguments}) == 0

    def start(
        self,
        root: Path,
        *arguments: str,
        at: int = 0,
        naming: str = "",
        action: Action = "kill",
        largest_file: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        """Start a command.

        Args:
            root: the directory that it works in; operations below it count.
            arguments: of `lisa`.
            at: number of the operation that is not carried out; 0 for none.
            naming: count only operations whose line has this text.
            action: what happens instead.
            largest_file: bytes after which a write fails (EFBIG).
            environment: additional variables.
        """
        report = self.reports / str(next(self.numbers))
        report.mkdir()
        pid = self.ask(
            {
                "root": str(root),
                "arguments": arguments,
                "at": at,
                "naming": naming,
                "action": action,
                "report": str(report),
                "largest_file": largest_file,
                "environment": dict(environment or {}),
            }
        )
        return Running(self, pid, report)

    def run(self, root: Path, *arguments: str, at: int = 0, naming: str = "", action: Action = "kill") -> Outcome:
        """Run a command to its end."""
        return self.start(root, *arguments, at=at, naming=naming, action=action).wait()

    def ask(self, request: Mapping[str, object]) -> int:
        """Send a request."""
        requests, answers = _pipes(self.server)
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        answer = json.loads(answers.readline())
        assert isinstance(answer, int)
        return answer


def _pipes(server: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert server.stdin is not None
    assert server.stdout is not None
    return server.stdin, server.stdout


@contextmanager
def commands(reports: Path, environment: Mapping[str, str]) -> Iterator[Commands]:
    """A server of commands, with variables that all of them have."""
    reports.mkdir(exist_ok=True)
    server = subprocess.Popen(
        [sys.executable, "-P", str(_SERVER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "COLUMNS": "400", **environment},
    )
    try:
        yield Commands(server, reports)
    finally:
        server.kill()
        server.wait()


def content(directory: Path) -> Content:
    """What is in a directory; files with time stamps have no bytes here."""
    found: Content = {}
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if name != _OTHERS]
        for name in {*folders, *names} - {_CACHE}:
            path = Path(folder, name)
            has_content = path.is_file() and name != _STAMPS
            found[path.relative_to(directory).as_posix()] = path.read_bytes() if has_content else None
    return found
