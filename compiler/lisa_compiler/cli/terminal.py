"""What the person, or the program, that runs a command gets: data, words and an exit code."""

from __future__ import annotations

import os
import sys
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command; 2 is a mistake in the command line itself."""

    OK = 0
    FAILED = 1
    USAGE = 2
    STALE = 3
    BUG = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141


def say(text: str) -> None:
    """Tell the person at the terminal something; data goes to stdout instead."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def put(text: str) -> None:
    """Write data to stdout as it is."""
    sys.stdout.write(text)


def drop_output() -> None:
    """Forget what stdout still buffers: its reader has gone, and flushing it at exit would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
