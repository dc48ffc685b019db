"""What becomes of exceptions: words and exit codes, and a traceback only for who asks for it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from typer.core import TyperGroup

from lisa_compiler.cli.terminal import ExitCode, drop_output, say
from lisa_schema.errors import LisaError
from lisa_schema.version import VERSION


class Lisa(TyperGroup):
    """The root of the commands: no command ends with a traceback unless --debug asks for it."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # the base class takes a private type
        """Run a command, and turn what it raises into words and an exit code."""
        with _explained(debug=bool(ctx.params.get("debug"))):
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        return result


@contextmanager
def _explained(*, debug: bool) -> Iterator[None]:
    try:
        yield
    except LisaError as error:
        if debug:
            traceback.print_exc()
        say(f"error: {error}")
        raise typer.Exit(ExitCode.FAILED) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    except BrokenPipeError as error:
        drop_output()
        raise typer.Exit(ExitCode.PIPE_CLOSED) from error
    except Exception as error:
        if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):  # Typer's own: usage errors and exits
            raise
        if debug:
            traceback.print_exc()
        words = " ".join(str(error).split())[:300]
        say(
            f"internal error: {type(error).__name__}: {words}\n"
            f"This is a bug in lisa {VERSION}. Rerun it with `lisa --debug …` and report the traceback, without "
            "secrets, with the command and the configuration."
        )
        raise typer.Exit(ExitCode.BUG) from error
