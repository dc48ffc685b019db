"""Show diagnostics in the format that was asked for, on the stream that it belongs to."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from lisa_compiler.cli.report import Format, render
from lisa_compiler.cli.requests import Request
from lisa_compiler.cli.terminal import put, say
from lisa_schema.diagnostics import Diagnostic


def show(
    diagnostics: Sequence[Diagnostic],
    form: Format,
    request: Request,
    *,
    meanings: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Show diagnostics: text goes to stderr, what machines read to stdout, even when there is nothing to say.

    `meanings` says what codes mean that are not LISA's own.
    """
    text = form is Format.TEXT
    shown = render(
        diagnostics,
        form,
        project=request.project,
        shown_below=request.shown_project,
        meanings=meanings,
        colour=text and sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
    )
    if not text:
        put(shown)
    elif shown:
        say(shown.rstrip("\n"))


def has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    """Tell whether any diagnostic is an error."""
    return any(diagnostic.is_error for diagnostic in diagnostics)
