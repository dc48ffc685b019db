"""Progress of long work on bytes: a bar with bytes and rate on a terminal, one line for each step elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lisa_compiler.cli.terminal import say


@contextmanager
def step(title: str, total_bytes: int) -> Iterator[Callable[[str, int], None]]:
    """Tell a person how far a step is.

    Yields what is called with the name of a file and the bytes that were done of it.
    """
    if not sys.stderr.isatty():
        say(f"{title} ({size(total_bytes)})")
        yield lambda _name, _bytes: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total_bytes or None)
        yield lambda _name, done: progress.advance(task, done)


def size(count: int) -> str:
    """A number of bytes for a person: `14.5 GB`, in powers of ten, as disks and S3 bills have them."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
