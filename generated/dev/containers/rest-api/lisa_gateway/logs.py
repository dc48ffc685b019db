"""Logs as lines of JSON on standard output. They hold no token, no prompt and no key."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode
"""A line of the log, of its members."""


class JsonLines(logging.Formatter):
    """Formats a record as a JSON object: time, level, logger, message, and the exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return encode(line)


def timestamp(at: float) -> str:
    """UNIX seconds as ISO 8601 in UTC, with milliseconds."""
    seconds = int(at)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int((at - seconds) * 1000):03d}Z"


def write(lines: str) -> None:
    """Write lines that need no formatting."""
    sys.stdout.write(lines)
    sys.stdout.flush()


def configure(level: str) -> None:
    """Send the logs of this process to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # They tell of every request and every credential look-up.
    for name in ("aiobotocore", "botocore", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLevelName(level)))
