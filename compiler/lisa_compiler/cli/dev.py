"""`lisa dev`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.cli.invocation import Invocation, build_invocation
from lisa_compiler.cli.options import Assignments, Environment, ProjectDirectory, command_group, takes
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.dev.models import Endpoint
from lisa_compiler.dev.processes import Processes
from lisa_compiler.dev.system import compile_for_local_run, run_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from lisa_compiler.dev.system import LocalEnvironment

app = command_group()

_LOOK_SECONDS = 0.5
_NAME_WIDTH = 15
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95)


def dev_options(
    *, project: ProjectDirectory = Path(), env: Environment = None, assignments: Assignments = None
) -> Invocation:
    """Options of one environment that runs locally: no account, and thus none of its overrides."""
    return build_invocation(project, [env] if env else [], assignments=assignments or ())


@app.command(
    epilog=(
        "lisa dev\n\n"
        "lisa dev --env prod --model http://localhost:11434/v1 --model-name llama3.2\n\n"
        "lisa dev --logs /tmp/logs -- make test-e2e"
    ),
)
@takes(dev_options)
def dev(
    invocation: Invocation,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="OpenAI-compatible endpoint in place of the text models; its key is in LISA_MODEL_KEY.",
        ),
    ] = None,
    model_name: Annotated[str | None, typer.Option(metavar="NAME", help="Model name at that endpoint.")] = None,
    logs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write one log file per process instead of terminal output.", file_okay=False),
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND]",
            help="Run this command when ready, with the addresses in LISA_… variables; then stop.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run an environment locally, without an AWS account."""
    endpoint = Endpoint(model, model_name, os.environ.get("LISA_MODEL_KEY") or "ignored") if model else None
    raise typer.Exit(run(invocation, text_model=endpoint, logs=logs, command=command or ()))


def run(invocation: Invocation, *, text_model: Endpoint | None, logs: Path | None, command: Sequence[str]) -> int:
    """Run the local environment; returns the exit code of `command`, and OK after Ctrl-C."""
    began = time.monotonic()
    log = _Log(logs)
    project = invocation.project
    try:
        with _interrupted_by_signals():
            compiled = compile_for_local_run(project.root, invocation.environment, project.overrides(), log.phase)
            with (
                Processes(log) as processes,
                run_environment(compiled, processes, text_model=text_model, tell=log.phase) as system,
            ):
                _print_endpoints(system, time.monotonic() - began)
                return _wait_for_exit(command, system, processes)
    except KeyboardInterrupt:
        print_status("stopped")
        return ExitCode.OK


class _Log:
    """The output of processes: on the terminal, each line with the name of its process, or in a file for each process.

    Args:
        folder: directory of the files; None for the terminal.
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

    def phase(self, phase: str) -> None:
        self._show("lisa", phase)

    def _show(self, part: str, line: str) -> None:
        name = f"{part:<{_NAME_WIDTH}}"
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            colour = self._colours.setdefault(part, _COLOURS[len(self._colours) % len(_COLOURS)])
            name = f"\x1b[{colour}m{name}\x1b[0m"
        write_output(f"{name} | {line}\n")
        sys.stdout.flush()


def _print_endpoints(system: LocalEnvironment, seconds: float) -> None:
    """Print the addresses of the local environment."""
    rows = []
    if system.web:
        rows.append(("Chat application", system.web))
    if system.users:
        rows.append(("Users", f"{', '.join(system.users[:-1])}, and {system.users[-1]}, who can manage models"))
    rows += [("Gateway", f"{system.gateway}/v2/serve"), ("API token", system.token), ("API", system.api)]
    table = "\n".join(f"  {name:<17} {value}" for name, value in rows)
    print_status(
        f"\nEnvironment {system.environment} is ready ({seconds:.0f} s):\n\n{table}\n\nPress Ctrl+C to stop.\n"
    )


def _wait_for_exit(command: Sequence[str], system: LocalEnvironment, processes: Processes) -> int:
    """Wait until a command ends, or for Ctrl-C when there is none."""
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


def _variables(system: LocalEnvironment) -> dict[str, str]:
    """Environment variables of a command: the addresses of the local environment."""
    return {
        "LISA_API_TOKEN": system.token,
        "LISA_API_URL": system.api,
        "LISA_GATEWAY_URL": system.gateway,
        **({"LISA_WEB_URL": system.web} if system.web else {}),
        **({"LISA_USER": system.users[0], "LISA_ADMIN": system.users[-1]} if system.users else {}),
    }


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Signals that end the process end it as Ctrl-C does: in order."""

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
