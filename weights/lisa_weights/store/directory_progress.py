"""Track the progress of a transfer by the size of its directory, whatever program writes it."""

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
    """Report periodically the bytes added to a directory, including incomplete files.

    Args:
        directory: may be created meanwhile.
        progress: called from another thread with the directory's name and the bytes added since the last call.
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
    """Bytes on the disk; of a sparse file, only its allocated blocks."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                status = Path(folder, name).lstat()
            except OSError:
                continue
            total += min(status.st_size, status.st_blocks * _BLOCK_BYTES)
    return total
