"""The command dev: run the whole system on this machine until Ctrl-C, or for as long as another command takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lisa_compiler.cli.diagnosing import show
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.dev.models import Endpoint
from lisa_compiler.dev.processes import Processes
from lisa_compiler.dev.system import compile_for_this_machine, running
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from lisa_compiler.cli.requests import Request
    from lisa_compiler.dev.system import System

_LOOK_SECONDS = 0.5
_NAME_WIDTH = 15
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95)


def run(request: Request, *, text_model: Endpoint | None, logs: Path | None, command: Sequence[str]) -> int:
    """Run the system; returns the exit code of `command`, and OK after Ctrl-C."""
    began = time.monotonic()
    tell = _Log(logs)
    try:
        with _ended_by_signals():
            compiled = compile_for_this_machine(
                request.project, next(iter(request.environments), None), request.overrides(), tell.stage
            )
            with (
                Processes(tell) as processes,
                running(compiled, processes, text_model=text_model, tell=tell.stage) as system,
            ):
                _present(system, time.monotonic() - began)
                return _follow(command, system, processes)
    except ConfigurationError as error:
        show(error.diagnostics, Format.TEXT, request)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        say("stopped")
        return ExitCode.OK


class _Log:
    """Where the lines of parts go: to the terminal, each with the name of its part, or to a file for each part.

    Args:
        folder: folder of the files; None for the terminal.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._colours: dict[str, int] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, part: str, line: str) -> None:
        if self._folder is None:
            self._show(part, line)
            return
        with (self._folder / f"{part}.log").open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def stage(self, stage: str) -> None:
        self._show("lisa", stage)

    def _show(self, part: str, line: str) -> None:
        name = f"{part:<{_NAME_WIDTH}}"
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            colour = self._colours.setdefault(part, _COLOURS[len(self._colours) % len(_COLOURS)])
            name = f"\x1b[{colour}m{name}\x1b[0m"
        put(f"{name} | {line}\n")
        sys.stdout.flush()


def _present(system: System, seconds: float) -> None:
    """Say where everything is."""
    rows = []
    if system.web:
        rows.append(("Chat application", system.web))
    if system.users:
        rows.append(("Users", f"{', '.join(system.users[:-1])}, and {system.users[-1]}, who can manage models"))
    rows += [("Gateway", f"{system.gateway}/v2/serve"), ("API token", system.token), ("API", system.api)]
    table = "\n".join(f"  {name:<17} {value}" for name, value in rows)
    say(f"\nEnvironment {system.environment} is ready ({seconds:.0f} s):\n\n{table}\n\nPress Ctrl+C to stop.\n")


def _follow(command: Sequence[str], system: System, processes: Processes) -> int:
    """Wait for the end of a command; for Ctrl-C when there is none."""
    child = subprocess.Popen(command, env={**os.environ, **_variables(system)}) if command else None
    try:
        while child is None or child.poll() is None:
            time.sleep(_LOOK_SECONDS)
            processes.require_running()
    finally:
        if child is not None and child.poll() is None:
            child.terminate()
            child.wait()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _variables(system: System) -> dict[str, str]:
    """What a command is told of the system."""
    return {
        "LISA_API_TOKEN": system.token,
        "LISA_API_URL": system.api,
        "LISA_GATEWAY_URL": system.gateway,
        **({"LISA_WEB_URL": system.web} if system.web else {}),
        **({"LISA_USER": system.users[0], "LISA_ADMIN": system.users[-1]} if system.users else {}),
    }


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """What ends a process from outside ends it as Ctrl-C does: in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: dict[signal.Signals, Callable[..., object] | int | None] = {
        each: signal.signal(each, interrupt) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
