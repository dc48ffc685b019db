"""Print diagnostics in the requested format, on the stream where it belongs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

import typer

from lisa_compiler.cli.report import Format, render
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.project.paths import shown_path
from lisa_compiler.project.project import Project
from lisa_schema.diagnostics import Diagnostic
from lisa_schema.errors import ConfigurationError


def print_diagnostics(
    diagnostics: Sequence[Diagnostic],
    form: Format,
    project: Project,
    *,
    meanings: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Print diagnostics: text to stderr, formats for machines to stdout, where an empty list is printed too.

    Args:
        diagnostics: in the order in which they are printed.
        form: the format.
        project: the project that they are about.
        meanings: what codes mean that LISA's own catalogue does not have.
    """
    text = form is Format.TEXT
    shown = render(
        diagnostics,
        form,
        project=project.root,
        prefix=project_prefix(project),
        meanings=meanings,
        colour=text and sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
    )
    if not text:
        write_output(shown)
    elif shown:
        print_status(shown.rstrip("\n"))


@contextmanager
def exit_on_errors(project: Project) -> Iterator[None]:
    """End the command with exit code 1 when the configuration of a project has errors, which are printed as text."""
    try:
        yield
    except ConfigurationError as error:
        print_diagnostics(error.diagnostics, Format.TEXT, project)
        raise typer.Exit(ExitCode.FAILED) from error


def project_prefix(project: Project) -> str:
    """Path of a project as the reader sees it: empty for the working directory."""
    return "" if (shown := shown_path(project.root)) == "." else shown


def has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    """Return whether any diagnostic is an error."""
    return any(diagnostic.is_error for diagnostic in diagnostics)
