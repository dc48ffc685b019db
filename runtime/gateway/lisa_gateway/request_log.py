"""What is told of each request: a line of the log, and the metrics.

Requests are told of together, some times a second: what a line costs is then paid while no caller waits for it, and the
processor does the same thing many times in a row, which is several times as fast.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from lisa_gateway import logs

if TYPE_CHECKING:
    from lisa_gateway.metrics import Metrics
    from lisa_gateway.request_context import Exchange

_SECONDS = 0.05
_MOST = 64
"""Requests that wait at most, so that telling of them never takes long."""

LOGGER = "lisa_gateway.access"


class Reports:
    """Takes exchanges that have ended."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._waiting: list[tuple[Exchange, str, float, float]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._log = logging.getLogger(LOGGER)

    def add(self, exchange: Exchange, method: str) -> None:
        """Take one that has ended just now."""
        self._waiting.append((exchange, method, time.perf_counter(), time.time()))
        if len(self._waiting) >= _MOST:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS, self.flush)

    def flush(self) -> None:
        """Tell of all that wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for exchange, method, ended, _ in waiting:
            self._metrics.observe(exchange, method, ended)
        if waiting and self._log.isEnabledFor(logging.INFO):
            logs.write("".join(_line(*each) for each in waiting))


def _line(exchange: Exchange, method: str, ended: float, at: float) -> str:
    line: dict[str, object] = {
        "time": logs.timestamp(at),
        "level": "INFO",
        "logger": LOGGER,
        "message": "request",
        "requestId": exchange.request_id,
        "method": method,
        "route": exchange.route,
        "status": exchange.status,
        "milliseconds": round((ended - exchange.began) * 1000, 2),
    }
    if exchange.caller is not None:
        line["caller"] = f"{exchange.caller.kind}:{exchange.caller.name}".rstrip(":")
    if exchange.fault:
        line["fault"] = exchange.fault
    return logs.encode(line) + "\n"
