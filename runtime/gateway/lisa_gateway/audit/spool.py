"""Audit records on disk, until they are delivered: files that a worker appends to, and that it hands on each second.

Writing is a single call of the operating system into its cache: it does not wait for the network or the disk, and what
is written outlives the process. When the files that wait exceed the limit, records are dropped and counted: requests go
on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from lisa_gateway.audit.record import loss_line

OPEN = ".open"
READY = ".ready"
ABANDONED_SECONDS = 10.0
"""Age of a file that is open without a change, after which its worker is taken to have ended."""

_SEGMENT_SECONDS = 1.0
_SEGMENT_BYTES = 512 * 1024
_OLDEST_SECONDS = ABANDONED_SECONDS / 2

_log = logging.getLogger(__name__)


class Spool:
    """What a worker appends records to. Use it in the worker's event loop; `close` hands the last file on.

    Args:
        folder: where the files are; it is made if need be.
        log_group: the log group of the records.
        limit: bytes of files that may wait for delivery.
        count_lost: called with the number of records that were dropped.
    """

    def __init__(self, folder: Path, *, log_group: str, limit: int, count_lost: Callable[[int], None]) -> None:
        self._folder = folder
        self.log_group = log_group
        self._limit = limit
        self._count_lost = count_lost
        self._file = -1
        self._path: Path | None = None
        self._since = 0.0
        self._size = 0
        self._number = 0
        self._unreported = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, lines: str, records: int) -> None:
        """Append records, or drop and count them when that is not possible.

        Args:
            lines: their lines.
            records: how many there are.
        """
        try:
            self._append(lines)
        except OSError as error:
            if not self._unreported:
                _log.error("audit records are lost: %s", error)
            self._unreported += records
            self._count_lost(records)
            return
        self._unreported = 0
        if self._size >= _SEGMENT_BYTES:
            self._hand_on()

    def _append(self, lines: str) -> None:
        if self._path is not None and time.monotonic() - self._since > _OLDEST_SECONDS:
            # The event loop was held up, and the file may have been taken for one of a process that ended.
            self._hand_on()
        if self._path is None:
            self._open()
        if self._unreported:
            lines = loss_line(self._unreported, time.time(), log_group=self.log_group) + lines
        content = lines.encode()
        written = os.write(self._file, content)
        self._size += written
        if written < len(content):
            # The next record must not continue this line.
            self._hand_on()
            raise OSError("the disk is full")

    def close(self) -> None:
        """Hand on what is written."""
        if self._timer is not None:
            self._timer.cancel()
        self._hand_on()

    def _open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        waiting = sum(entry.stat().st_size for entry in os.scandir(self._folder))
        if waiting >= self._limit:
            raise OSError(f"{waiting} bytes wait for delivery, of {self._limit} (AUDIT_MAX_BYTES)")
        self._number += 1
        path = self._folder / f"{time.time_ns()}-{os.getpid()}-{self._number}{OPEN}"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        self._path, self._since, self._size = path, time.monotonic(), 0
        self._timer = asyncio.get_running_loop().call_later(_SEGMENT_SECONDS, self._hand_on)

    def _hand_on(self) -> None:
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
