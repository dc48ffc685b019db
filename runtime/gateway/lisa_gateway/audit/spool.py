"""Audit records on disk, until they are delivered: lines in `Segments`.

When the files that wait exceed the limit, records are dropped and counted: requests go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from lisa_gateway.audit.record import loss_line
from lisa_gateway.audit.segments import Segments

_SEGMENT_BYTES = 512 * 1024

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
        self.log_group = log_group
        self._segments = Segments(folder, limit=limit, limit_name="AUDIT_MAX_BYTES", segment_bytes=_SEGMENT_BYTES)
        self._count_lost = count_lost
        self._unreported = 0

    def write(self, lines: str, records: int) -> None:
        """Append records, or drop and count them when that is not possible.

        Args:
            lines: their lines.
            records: how many there are.
        """
        if self._unreported:
            lines = loss_line(self._unreported, time.time(), log_group=self.log_group) + lines
        try:
            self._segments.append(lines.encode("utf-8", "replace"))
        except OSError as error:
            if not self._unreported:
                _log.error("audit records are lost: %s", error)
            self._unreported += records
            self._count_lost(records)
            return
        self._unreported = 0

    def close(self) -> None:
        """Hand on what is written."""
        self._segments.close()
