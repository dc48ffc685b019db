"""The exit code of a command that finds a deployment locked, so that a pipeline can tell it from a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from lisa_compiler.cli.terminal import ExitCode, print_status


@contextmanager
def exit_if_locked() -> Iterator[None]:
    """Exit with LOCKED when another command holds the lock."""
    from lisa_compiler.ledger.lock import LockedError  # noqa: PLC0415  # boto3: 0.4 s

    try:
        yield
    except LockedError as error:
        print_status(f"error: {error}")
        raise typer.Exit(ExitCode.LOCKED) from error
