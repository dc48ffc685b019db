"""Exceptions become messages and exit codes, with a traceback only for `--debug`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from lisa_compiler.cli.lazy_group import LazyGroup
from lisa_compiler.cli.terminal import ExitCode, discard_stdout, print_status
from lisa_schema.errors import LisaError
from lisa_schema.version import VERSION


class LisaGroup(LazyGroup):
    """The root of the commands: none ends with a traceback, except with --debug."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # the base class takes a private type
        """Run a command, and turn what it raises into a message and an exit code."""
        with _handle_errors(debug=bool(ctx.params.get("debug"))):
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        return result


@contextmanager
def _handle_errors(*, debug: bool) -> Iterator[None]:
    try:
        yield
    except LisaError as error:
        if debug:
            traceback.print_exc()
        print_status(f"error: {error}")
        raise typer.Exit(ExitCode.FAILED) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    except BrokenPipeError as error:
        discard_stdout()
        raise typer.Exit(ExitCode.PIPE_CLOSED) from error
    except Exception as error:
        if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):  # Typer's own: usage errors and exits
            raise
        if debug:
            traceback.print_exc()
        message = " ".join(str(error).split())[:300]
        print_status(
            f"internal error: {type(error).__name__}: {message}\n"
            f"This is a bug in lisa {VERSION}. Run the command again with `lisa --debug …` and report the traceback, "
            "without secrets, with the command and the configuration."
        )
        raise typer.Exit(ExitCode.BUG) from error
