"""Files that a worker appends records to, and that it hands on each second to the process that delivers them.

Writing is a single call of the operating system into its cache: it does not wait for the network or the disk, and what
is written outlives the process, and the container if the folder is a volume.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from pathlib import Path

OPEN = ".open"
READY = ".ready"
ABANDONED_SECONDS = 10.0
"""Age of a file that is open without a change, after which its worker is taken to have ended."""

FALLBACK = Path("/tmp/lisa-audit")  # noqa: S108 - made with mode 0700, in a container with one user
"""Where records wait if the configured folder cannot be written to: in an image with another user."""

_log = logging.getLogger(__name__)

_SEGMENT_SECONDS = 1.0
_OLDEST_SECONDS = ABANDONED_SECONDS / 2


def usable_folder(folder: Path) -> Path:
    """A folder that can be written to: the configured one, else another, which ends with the container."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f"{secrets.token_hex(8)}.probe"
        probe.touch(0o600)
        probe.unlink()
    except OSError as error:
        _log.error(
            "audit records: %s cannot be written to: %s; %s is used, which ends with the container",
            folder,
            error,
            FALLBACK,
        )
        return FALLBACK
    return folder


class Segments:
    """Appends to one file after the other. Use it in the worker's event loop; `close` hands the last file on.

    The name of a file begins with the time when it was opened, in nanoseconds, and differs from those of other workers
    and of other containers that share the folder.

    Args:
        folder: where the files are; it is made if need be.
        limit: bytes of files that may wait for delivery.
        limit_name: the setting of the limit, for errors.
        segment_bytes: bytes after which a file is handed on at once.
    """

    def __init__(self, folder: Path, *, limit: int, limit_name: str, segment_bytes: int) -> None:
        self._folder = folder
        self._limit = limit
        self._limit_name = limit_name
        self._segment_bytes = segment_bytes
        self._worker = secrets.token_hex(4)
        self._file = -1
        self._path: Path | None = None
        self._since = 0.0
        self._size = 0
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    def append(self, content: bytes) -> None:
        """Append whole lines.

        Raises:
            OSError: they are not written, or not completely, because the disk or the space for waiting files is full.
        """
        if self._path is not None and time.monotonic() - self._since > _OLDEST_SECONDS:
            # The event loop was held up, and the file may have been taken for one of a process that ended.
            self.hand_on()
        if self._path is None:
            self._open()
        written = os.write(self._file, content)
        self._size += written
        if written < len(content):
            # The next record must not continue this line.
            self.hand_on()
            raise OSError("the disk is full")
        if self._size >= self._segment_bytes:
            self.hand_on()

    def close(self) -> None:
        """Hand on what is written."""
        self.hand_on()

    def _open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        waiting = sum(entry.stat().st_size for entry in os.scandir(self._folder) if entry.is_file())
        if waiting >= self._limit:
            raise OSError(f"{waiting} bytes wait for delivery, of {self._limit} ({self._limit_name})")
        self._number += 1
        path = self._folder / f"{time.time_ns()}-{self._worker}-{self._number}{OPEN}"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        self._path, self._since, self._size = path, time.monotonic(), 0
        self._timer = asyncio.get_running_loop().call_later(_SEGMENT_SECONDS, self.hand_on)

    def hand_on(self) -> None:
        """Give the file to the process that delivers; the next record begins another one."""
        if self._path is None:
            return
        path, self._path = self._path, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        os.close(self._file)
        try:
            path.rename(path.with_suffix(READY))
        except FileNotFoundError:
            # Delivery has taken it already.
            return
