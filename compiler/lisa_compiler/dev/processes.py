"""Programs that run beside each other: started, watched until they are ready, told of line by line, and ended."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

_LAST_LINES = 15
_PROBE_SECONDS = 0.1
_STOP_SECONDS = 10
_REAPER = Path(__file__).with_name("reaper.py")
_FIRST_PORT, _LAST_PORT = 20000, 32767
"""Below the ports that Linux and macOS choose for connections and for port 0 (ip_local_port_range)."""
_reserved: dict[int, socket.socket] = {}
"""What holds the ports that free_port() has returned."""


class ProcessError(LisaError):
    """A part did not start, or ended by itself. The text names it, with the last lines of its log."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to run.

    Attributes:
        name: of the part, as its log lines begin.
        command: the executable and its arguments.
        environment: its variables, beside those of this process.
        is_ready: tells whether it answers; asked again and again.
        seconds: how long it may take until then.
        folder: working directory; the current one when None.
        stop_signal: what ends it in good order.
    """

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    seconds: float = 60
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM


class Running:
    """A program that was started."""

    def __init__(self, program: Program, tell: Callable[[str, str], None], scratch: Path) -> None:
        self.program = program
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self.process = subprocess.Popen(
            [str(part) for part in program.command],
            cwd=program.folder,
            env={**os.environ, "TMPDIR": str(scratch), **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C is for `lisa dev`, which ends its parts in order, children included.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(tell,), daemon=True)
        self._reader.start()

    def _read(self, tell: Callable[[str, str], None]) -> None:
        if self.process.stdout is None:
            return
        for line in self.process.stdout:
            text = line.decode(errors="replace").rstrip()
            self._last.append(text)
            tell(self.program.name, text)

    def wait_until_ready(self) -> None:
        """Wait until it answers.

        Raises:
            PartError: it ended, or does not respond in time.
        """
        deadline = time.monotonic() + self.program.seconds
        while time.monotonic() < deadline:
            self.require_running()
            if self.program.is_ready():
                return
            time.sleep(_PROBE_SECONDS)
        raise self._failure(f"is not ready after {self.program.seconds:g} s")

    def require_running(self) -> None:
        """Raise PartError when it has ended."""
        if self.process.poll() is not None:
            self._reader.join(timeout=1)
            raise self._failure(f"ended with {self.process.returncode}")

    def _failure(self, what: str) -> ProcessError:
        said = "\n".join(f"  {line}" for line in self._last) or "  (no output)"
        return ProcessError(f"{self.program.name} {what}. Last output:\n{said}")

    def stop(self) -> None:
        """End it and all that it started."""
        self._signal(self.program.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class Processes:
    """Programs and folders that are gone when the context ends, even when this process is killed.

    Args:
        tell: is given the name of a part and each line of its log.
    """

    def __init__(self, tell: Callable[[str, str], None] = lambda _part, _line: None) -> None:
        self._tell = tell
        self._running: list[Running] = []
        self._folders: list[Path] = []

    def __enter__(self) -> Self:
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_REAPER)], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        self._scratch = self.folder()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in reversed(self._running):
            running.stop()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        self._watch({"done": True})
        self._reaper.communicate()

    def folder(self) -> Path:
        """A new folder that everyone may enter, and that is removed in the end."""
        made = Path(tempfile.mkdtemp(prefix="lisa-dev-"))
        made.chmod(0o755)
        self._folders.append(made)
        self._watch({"folder": str(made)})
        return made

    def start_async(self, program: Program) -> Running:
        """Start a program without waiting."""
        running = Running(program, self._tell, self._scratch)
        self._running.append(running)
        self._watch({"group": running.process.pid, "signal": program.stop_signal.value})
        return running

    def start(self, program: Program) -> Running:
        """Start a program and wait until it is ready; raises PartError."""
        running = self.start_async(program)
        running.wait_until_ready()
        return running

    def require_running(self) -> None:
        """Raise PartError when a program has ended."""
        for running in self._running:
            running.require_running()

    def _watch(self, what: Mapping[str, object]) -> None:
        if self._reaper.stdin is not None:
            # Whoever killed the guard has to look after the rest too.
            with suppress(BrokenPipeError):
                self._reaper.stdin.write(json.dumps(what) + "\n")
                self._reaper.stdin.flush()


def free_port() -> int:
    """A TCP port of the loopback interface that no process listens on, reserved as long as this process lives.

    Neither the system nor another process that calls this chooses it before the program that it is for listens on it:
    the UDP port of the same number, which no other program uses, is held as a lock.

    Raises:
        ProcessError: there is none.
    """
    for port in random.sample(range(_FIRST_PORT, _LAST_PORT + 1), _LAST_PORT + 1 - _FIRST_PORT):
        if (lock := _reserve(port)) is not None:
            _reserved[port] = lock
            return port
    raise ProcessError(f"no port from {_FIRST_PORT} to {_LAST_PORT} is free")


def _reserve(port: int) -> socket.socket | None:
    lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        lock.bind(("127.0.0.1", port))
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return None
    return lock


def responds(url: str) -> Callable[[], bool]:
    """Tells whether an address answers with success."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # an address of this machine
                return True
        except (urllib.error.URLError, OSError):
            return False

    return ask


def is_port_open(port: int) -> Callable[[], bool]:
    """Tells whether something listens on a port of this machine."""

    def ask() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ask
