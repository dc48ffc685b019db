"""Follow a transfer by what it has written so far, whatever program writes it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_INTERVAL_SECONDS = 0.3
_BLOCK_BYTES = 512


@contextmanager
def track_size(directory: Path, progress: Callable[[str, int], None]) -> Iterator[None]:
    """Report periodically by how many bytes a directory has grown, incomplete files included.

    Args:
        directory: it may come into being meanwhile.
        progress: told the directory's name and how many more bytes there are; it is called from another thread.
    """
    ended = threading.Event()
    before = _written(directory)

    def follow() -> None:
        told = 0
        while not ended.wait(_INTERVAL_SECONDS):
            grown = max(_written(directory) - before, told)
            progress(directory.name, grown - told)
            told = grown

    thread = threading.Thread(target=follow, name="growth", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _written(directory: Path) -> int:
    """Bytes that are on the disk; of a file that is filled from several places at once, only those."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                status = Path(folder, name).lstat()
            except OSError:
                continue
            total += min(status.st_size, status.st_blocks * _BLOCK_BYTES)
    return total
