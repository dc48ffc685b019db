"""Progress of long work on bytes: a bar with bytes and rate on a terminal, one line for each step elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lisa_compiler.cli.terminal import print_status


@contextmanager
def progress_step(title: str, total_bytes: int) -> Iterator[Callable[[str, int], None]]:
    """Show the progress of a step.

    Yields a function that takes the name of a file and the number of its bytes that were processed.
    """
    if not sys.stderr.isatty():
        print_status(f"{title} ({format_bytes(total_bytes)})")
        yield lambda _name, _bytes: None
        return
    from rich.console import Console  # noqa: PLC0415  # 80 ms that a command without a terminal does not need
    from rich.progress import (  # noqa: PLC0415  # likewise
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total_bytes or None)
        yield lambda _name, done: progress.advance(task, done)


def format_bytes(count: int) -> str:
    """Format a number of bytes as `14.5 GB`, in powers of ten, as disks and S3 bills have them."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
