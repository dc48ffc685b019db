"""`lisa init`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.diagnostics import print_diagnostics
from lisa_compiler.cli.options import command_group
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.terminal import print_status
from lisa_compiler.project.paths import shown_path
from lisa_compiler.project.project import Project
from lisa_compiler.starter.creation import InitOptions, create_repository
from lisa_compiler.starter.pipelines import Pipeline
from lisa_compiler.starter.prompts import given_answers
from lisa_schema.errors import ConfigurationError

app = command_group()

_VENDOR_HINT = " Pass --vendor to put LISA's wheel into the repository instead."


@app.command(
    "init", epilog="lisa init our-lisa\n\nlisa init . --defaults --set deploymentName=lisa --set region=eu-west-1 …"
)
def init_command(
    *,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="New or empty directory, or one that contains only .git.")
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Answer a prompt; for one environment, use prod.region=…"),
    ] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Accept the defaults without prompts.")] = False,
    requirement: Annotated[
        str | None,
        typer.Option(
            metavar="REQUIREMENT", help="pip requirement for LISA; default: this version from the package index."
        ),
    ] = None,
    vendor: Annotated[
        bool, typer.Option("--vendor", help="Add LISA's wheel, built from this checkout, to the repository.")
    ] = False,
    wheel: Annotated[
        Path | None, typer.Option("--wheel", metavar="FILE", help="Add this wheel of LISA to the repository.")
    ] = None,
    pipeline: Annotated[
        Pipeline, typer.Option("--pipeline", help="What runs the repository's pipelines.")
    ] = Pipeline.GITHUB,
) -> None:
    """Create a configuration repository with a pipeline, generated/ and a README."""
    source = create_repository(
        directory,
        given_answers(assignments or ()),
        InitOptions(requirement=requirement, vendor=vendor, wheel=wheel, pipeline=pipeline),
        ask=None if defaults or not _at_terminal() else _ask,
        tell=print_status,
        report=_print_errors,
    )
    where = shown_path(directory)
    print_status(
        f"{'This directory' if where == '.' else where} is ready and compiled. Read its README.md for the one-time "
        "setup before the first deployment.\n"
        f"LISA is installed from {source.description}.{'' if source.wheel or requirement else _VENDOR_HINT}\n"
        f"Next: {', '.join(_next_commands(directory, where))}, and push it to a new Git repository."
    )


def _next_commands(directory: Path, where: str) -> list[str]:
    steps = [] if where == "." else [f"cd {shlex.quote(where)}"]
    return [*steps, *([] if (directory / ".git").exists() else ["git init"]), "git add --all", "git commit"]


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(text: str, proposed: str | None, find_error: Callable[[str], str | None]) -> str:
    while True:
        value = str(typer.prompt(text, default=proposed, show_default=bool(proposed), err=True)).strip()
        error = find_error(value)
        if error is None:
            return value
        print_status(f"  {error}")


def _print_errors(root: Path, error: ConfigurationError) -> None:
    print_diagnostics(error.diagnostics, Format.TEXT, Project(root))
