"""The command line: it parses, calls the stages, and turns what they return or raise into words and exit codes."""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command `lisa` with the arguments of the process, and exit."""
    from lisa_compiler.cli.terminal import ExitCode, drop_output

    for stream in (sys.stdout, sys.stderr):
        # What a terminal's encoding lacks is shown as an escape, not as a failure.
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="backslashreplace")
    try:
        if "_LISA_COMPLETE" not in os.environ:
            from lisa_compiler.cli.quick import nothing_to_do, reviewed

            if nothing_to_do(sys.argv[1:]):
                sys.stdout.flush()
                sys.exit(ExitCode.OK)
            if (code := reviewed(sys.argv[1:])) is not None:
                sys.stdout.flush()
                sys.exit(code)
        # The command lives for seconds, and the CDK's classes for all of them: looking for garbage among them, while
        # they are made and once more at the end, costs a fifth of a compile.
        gc.disable()
        from lisa_compiler.cli.app import app

        app(prog_name="lisa")
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        drop_output()
        sys.exit(ExitCode.PIPE_CLOSED)
    finally:
        gc.freeze()
