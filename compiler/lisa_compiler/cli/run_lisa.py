"""Run a command of `lisa` from another one, in the same process."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer.main

from lisa_compiler.cli.terminal import ExitCode, print_status

if TYPE_CHECKING:
    from lisa_compiler.cli.invocation import Invocation


def run_lisa(invocation: Invocation, *arguments: str) -> int:
    """Run another command of `lisa` on the same project in this process; returns its exit code."""
    from lisa_compiler.cli.app import app as commands  # noqa: PLC0415  # it lists this module

    project = invocation.project.root
    given = [*arguments, *([] if project == Path() else ["--project", str(project)])]
    print_status(f"$ lisa {shlex.join(given)}")
    code = typer.main.get_command(commands).main(given, prog_name="lisa", standalone_mode=False)
    return code if isinstance(code, int) else int(ExitCode.OK)
