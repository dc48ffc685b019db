"""The command line: it parses, calls a use case, prints its result, and turns errors into exit codes."""

from __future__ import annotations

import gc
import sys

from lisa_compiler.cli.terminal import ExitCode, discard_stdout

__all__ = ["main"]


def main() -> None:
    """Run the command `lisa` with the arguments of the process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal's encoding lacks is shown as an escape, not as a failure.
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="backslashreplace")
    # The command lives for seconds, and the CDK's classes for all of them: looking for garbage among them, while they
    # are made and once more at the end, costs a fifth of a compile.
    gc.disable()
    try:
        from lisa_compiler.cli.app import app  # noqa: PLC0415  # an interrupt meanwhile is answered as well

        app(prog_name="lisa")
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        discard_stdout()
        sys.exit(ExitCode.PIPE_CLOSED)
    finally:
        gc.freeze()
