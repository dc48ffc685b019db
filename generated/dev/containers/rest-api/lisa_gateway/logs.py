"""Logs as lines of JSON on standard output. They hold no token, no prompt and no key."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

EXTRA = "lisa_fields"
"""Attribute of a log record that holds further members of its line."""


class JsonLines(logging.Formatter):
    """Formats a record as a JSON object: time, level, logger, message, and what `extra={EXTRA: …}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, EXTRA, {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str)


def configure(level: str) -> None:
    """Send the logs of this process to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They tell of every request and every credential look-up.
    for name in ("aiobotocore", "botocore", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))
