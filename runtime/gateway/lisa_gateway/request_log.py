"""The log line, the audit record and the metrics of each request.

Lines are written in batches, several times a second: no caller waits for them, and the processor repeats the same work,
which is several times as fast.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from lisa_gateway import health, logs
from lisa_gateway.audit.record import audit_line

if TYPE_CHECKING:
    from lisa_gateway.audit.spool import Spool
    from lisa_gateway.metrics import Metrics
    from lisa_gateway.request_context import RequestContext

_SECONDS = 0.05
_MOST = 64
"""Requests in a batch at most, so that writing it is always short."""

LOGGER = "lisa_gateway.access"


class RequestLog:
    """Logs and counts requests that have ended.

    Args:
        metrics: what they are counted in.
        audit: what keeps their audit records; None for no audit log.
    """

    def __init__(self, metrics: Metrics, audit: Spool | None = None) -> None:
        self._metrics = metrics
        self._audit = audit
        self._waiting: list[tuple[RequestContext, str, float, float]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._log = logging.getLogger(LOGGER)

    def add(self, context: RequestContext, method: str) -> None:
        """Add a request that has just ended."""
        self._waiting.append((context, method, time.perf_counter(), time.time()))
        if len(self._waiting) >= _MOST:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS, self.flush)

    def flush(self) -> None:
        """Write all that wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        self._metrics.observe([(context, method, ended) for context, method, ended, _ in waiting])
        if waiting and self._log.isEnabledFor(logging.INFO):
            logs.write("".join(_line(*each) for each in waiting))
        if self._audit is not None:
            self._write_audit(self._audit, waiting)

    def close(self) -> None:
        """Write all that wait, at the end of the worker."""
        self.flush()
        if self._audit is not None:
            self._audit.close()

    def _write_audit(self, audit: Spool, waiting: list[tuple[RequestContext, str, float, float]]) -> None:
        lines = [audit_line(*each, log_group=audit.log_group) for each in waiting if each[0].route not in health.PATHS]
        if lines:
            audit.write("".join(lines), len(lines))


def _line(context: RequestContext, method: str, ended: float, at: float) -> str:
    line: dict[str, object] = {
        "time": logs.timestamp(at),
        "level": "INFO",
        "logger": LOGGER,
        "message": "request",
        "requestId": context.request_id,
        "method": method,
        "route": context.route,
        "status": context.status,
        "milliseconds": round((ended - context.began) * 1000, 2),
    }
    if context.caller is not None:
        line["caller"] = f"{context.caller.kind}:{context.caller.name}".rstrip(":")
    if context.error_reason:
        line["fault"] = context.error_reason
    return logs.encode(line) + "\n"
