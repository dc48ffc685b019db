"""Runs `lisa` commands, each in a forked process with a fault at one of its operations on files or connections.

It runs as a file. Operations are counted by Python's audit events, which precede each of them, and by the writes that
have no such event. A request is a line of JSON on standard input: `start` forks a process, and `wait` returns its
status. The answers are lines of JSON.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import io
import itertools
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGES = frozenset(
    {"os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}
)
_CONNECTIONS = frozenset({"http.client.connect", "http.client.send", "socket.connect", "subprocess.Popen"})
_LOADED = (
    "huggingface_hub._snapshot_download",
    "lisa_compiler.aws.checksums",
    "lisa_compiler.cli.app",
    "lisa_compiler.cli.weights",
    "lisa_compiler.compile.pipeline",
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Faults:
    """Counts the operations of this process below a directory, and lets one of them fail.

    Args:
        root: the directory.
        log: a descriptor that receives a line for each operation.
        at: number of the operation, from 1; 0 for none.
        naming: count only operations whose line has this text.
        action: what is done instead of it.
    """

    def __init__(self, root: str, log: int, *, at: int, naming: str, action: Callable[[], None]) -> None:
        self._root = root
        self._log = log
        self._at = at
        self._naming = naming
        self._action = action
        self._numbers = itertools.count(1)

    def install(self) -> None:
        """Watch this process from now on."""
        sys.addaudithook(self._on_event)
        for name in ("pwrite", "copy_file_range"):
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & _WRITING and self._is_below(path):
                self._count(f"open {path}")
        elif event in _CHANGES:
            if self._is_below(arguments[0]):
                self._count(f"{event} {arguments[0]}")
        elif event in _CONNECTIONS:
            self._count(event)

    def _is_below(self, path: object) -> bool:
        """Whether a path is counted; relative ones are, because only the removal of a directory uses them."""
        return isinstance(path, str | Path) and (not Path(path).is_absolute() or str(path).startswith(self._root))

    def _watched(self, name: str, real: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            target, data = arguments[0], arguments[1]
            if name == "pwrite" and len(data) > 1:
                # The first half is on the disk when the fault comes.
                done = real(target, data[: len(data) // 2], *arguments[2:])
                self._count(name)
                return done
            self._count(name)
            return real(*arguments)

        return call

    def _count(self, line: str) -> None:
        if self._naming not in line:
            return
        number = next(self._numbers)
        os.write(self._log, f"{line}\n".encode())
        if number == self._at:
            self._action()


def kill() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def hold(report: Path) -> Callable[[], None]:
    """Wait until the test permits the operation."""

    def wait() -> None:
        os.close(os.open(report / "held", os.O_WRONLY | os.O_CREAT))
        while not (report / "go").exists():
            time.sleep(0.01)

    return wait


def run(request: dict[str, Any]) -> int:
    """Run a command in this process."""
    from lisa_compiler.cli.app import app

    report = Path(request["report"])
    output = os.open(report / "output", os.O_WRONLY | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(request["root"])
    os.environ.update(request["environment"])
    if request["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"], request["largest_file"]))
    log = os.open(report / "operations", os.O_WRONLY | os.O_CREAT)
    actions = {"kill": kill, "refuse": refuse, "hold": hold(report)}
    faults = Faults(request["root"], log, at=request["at"], naming=request["naming"], action=actions[request["action"]])
    faults.install()
    try:
        app(request["arguments"])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def warm(arguments: list[str]) -> int:
    """Run a command in the server itself, so that all others find what it has imported and compiled."""
    from lisa_compiler.cli.app import app

    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        try:
            app(arguments)
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def main() -> None:
    """Answer requests until standard input ends."""
    for module in _LOADED:  # once, instead of in each process
        importlib.import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        if "warm" in request:
            answer = warm(request["warm"])
            gc.collect()
            gc.freeze()
        elif "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        elif (answer := os.fork()) == 0:
            status = 70
            try:
                status = run(request)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
