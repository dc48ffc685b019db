"""What a command gives its caller: data on stdout, status messages on stderr, and an exit code."""

from __future__ import annotations

import os
import sys
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; 2 is an error in the command line itself."""

    OK = 0
    FAILED = 1
    USAGE = 2
    STALE = 3
    LOCKED = 4
    BUG = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141


def print_status(text: str) -> None:
    """Print a message for the user to stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def write_output(text: str) -> None:
    """Write data to stdout as it is."""
    sys.stdout.write(text)


def discard_stdout() -> None:
    """Discard what stdout still buffers: its reader has closed it, and flushing it at exit would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
