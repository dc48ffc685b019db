"""Delivery of audit records to CloudWatch Logs, at least once, by a process beside the workers."""

from __future__ import annotations

import json
import logging
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway.audit.waiting_files import WaitingFiles

# Amazon CloudWatch Logs API Reference, PutLogEvents: bytes and events of a batch, and what an event counts besides.
_BATCH_BYTES = 1_048_576
_BATCH_EVENTS = 10_000
_EVENT_BYTES = 26
_BATCH_MILLISECONDS = 23 * 3600 * 1000
_REJECTED = frozenset({"InvalidParameterException", "DataAlreadyAcceptedException"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Event:
    timestamp: int
    message: str

    @property
    def size(self) -> int:
        return len(self.message.encode()) + _EVENT_BYTES


class Delivery:
    """Sends the files of a folder to a log group, oldest first; a file is deleted once CloudWatch Logs has it.

    Args:
        client: a botocore client of CloudWatch Logs.
        folder: the folder of `Spool`.
        log_group: the log group, which exists.
    """

    def __init__(self, client: Any, folder: Path, log_group: str) -> None:
        self._client = client
        self._files = WaitingFiles(folder)
        self._log_group = log_group
        self._stream = ""

    def deliver(self) -> bool:
        """Send all files that are ready; whether CloudWatch Logs accepted all of them."""
        for path in self._files.ready():
            taken = self._files.take(path)
            if taken is None:
                continue
            try:
                self._send(taken)
            except (BotoCoreError, ClientError, OSError) as error:
                _log.warning("audit records are not delivered: %s %s", type(error).__name__, error)
                self._files.give_back(taken)
                return False
            taken.unlink(missing_ok=True)
        return True

    def _send(self, path: Path) -> None:
        for batch in batches(path.read_text(encoding="utf-8", errors="replace")):
            entries = [{"timestamp": event.timestamp, "message": event.message} for event in batch]
            try:
                answer = self._put(entries)
            except ClientError as error:
                if _code(error) not in _REJECTED:
                    raise
                _log.error("audit records are lost: %d rejected: %s", len(entries), error)
                continue
            if rejected := answer.get("rejectedLogEventsInfo"):
                _log.error("audit records are lost: CloudWatch Logs rejected some: %s", rejected)

    def _put(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        if not self._stream:
            self._create_stream()
        try:
            return self._call(entries)
        except ClientError as error:
            if _code(error) != "ResourceNotFoundException":
                raise
            self._create_stream()
            return self._call(entries)

    def _call(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.put_log_events(
            logGroupName=self._log_group, logStreamName=self._stream, logEvents=entries
        )
        return answer

    def _create_stream(self) -> None:
        self._stream = f"{socket.gethostname()}/{uuid.uuid4().hex}"
        self._client.create_log_stream(logGroupName=self._log_group, logStreamName=self._stream)


def batches(lines: str) -> Iterator[list[_Event]]:
    """Records in batches as PutLogEvents accepts them: in order of time, and within its limits."""
    events = sorted((event for line in lines.splitlines() if (event := _event(line))), key=lambda each: each.timestamp)
    batch: list[_Event] = []
    size = 0
    for event in events:
        is_full = len(batch) == _BATCH_EVENTS or size + event.size > _BATCH_BYTES
        if batch and (is_full or event.timestamp - batch[0].timestamp > _BATCH_MILLISECONDS):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event.size
    if batch:
        yield batch


def _event(line: str) -> _Event | None:
    """The record of a line; None for one that is not complete, which a full disk leaves."""
    try:
        at = datetime.fromisoformat(json.loads(line)["time"])
    except (ValueError, KeyError, TypeError):
        if line:
            _log.error("an audit record is lost: its line is not complete")
        return None
    return _Event(round(at.timestamp() * 1000), line)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
