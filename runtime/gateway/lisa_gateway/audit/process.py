"""The process that delivers audit records, for as long as the gateway runs."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from types import TracebackType

_RESTART_SECONDS = 5.0
_END_SECONDS = 8.0
"""Less than what the container waits for the gateway beyond DRAIN_TIMEOUT."""


_log = logging.getLogger(__name__)


class DeliveryProcess:
    """Runs `python -m lisa_gateway.audit` in a block, and starts it again when it ends before the block does.

    Args:
        folder: the folder of the records.
        log_group: their log group.
    """

    def __init__(self, folder: str, log_group: str) -> None:
        self._variables = {"AUDIT_FOLDER": folder, "AUDIT_LOG_GROUP": log_group}
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="audit", daemon=True)

    def __enter__(self) -> DeliveryProcess:
        self._start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process once it has delivered what is left, or after some seconds."""
        self._stopping.set()
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            _log.error("audit records wait for delivery: CloudWatch Logs did not accept them in time")
            process.kill()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lisa_gateway.audit"],
            stdin=subprocess.PIPE,
            env={**os.environ, **self._variables},
        )

    def _watch(self) -> None:
        while not self._stopping.is_set():
            if self._process is not None:
                status = self._process.wait()
                if self._stopping.wait(_RESTART_SECONDS):
                    return
                _log.error("the delivery of audit records ended with status %d; it starts again", status)
            self._start()
