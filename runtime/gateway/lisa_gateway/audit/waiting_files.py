"""Files that wait for delivery, which several processes and containers may share: each takes a file by renaming it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from lisa_gateway.audit.segments import ABANDONED_SECONDS, OPEN, READY

TAKEN = ".taken"
_TAKEN_SECONDS = 120.0
"""Age of a file that a process has taken, after which that process is taken to have ended."""


class WaitingFiles:
    """The files of a folder.

    Args:
        folder: the folder of `Segments`; there may be none yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ready(self) -> list[Path]:
        """Files to send, oldest first: handed on, or left by a process that has ended."""
        now = time.time()
        found = []
        for path in self._folder.glob("*"):
            with suppress(FileNotFoundError):
                age = now - path.stat().st_mtime
                is_left = (path.suffix == OPEN and age > ABANDONED_SECONDS) or (
                    path.suffix == TAKEN and age > _TAKEN_SECONDS
                )
                if path.suffix == READY or is_left:
                    found.append(path)
        return sorted(found)

    def take(self, path: Path) -> Path | None:
        """Take a file, so that no other process sends it; None if another has taken it."""
        taken = path.with_name(f"{path.name.partition('.')[0]}{TAKEN}")
        try:
            path.rename(taken)
            # From now on its age counts.
            os.utime(taken)
        except FileNotFoundError:
            return None
        return taken

    def give_back(self, taken: Path) -> None:
        """Leave a file for the next attempt."""
        with suppress(FileNotFoundError):
            taken.rename(taken.with_suffix(READY))
