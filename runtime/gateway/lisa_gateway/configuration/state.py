"""What the supervisor and the workers know of each other, in files of one directory.

Files, because the workers are other processes, which come and go: one that starts reads what is current, and none of
them has to be reached. All are replaced atomically.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_CURRENT = "current.json"
_STATUS = "status.json"
_WORKERS = "workers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What workers serve with.

    Attributes:
        generation: counts up with each change.
        digest: names the configuration.
        routes: path of the routes document.
        litellm_url: where LiteLLM answers; None where no route leads to it.
        is_ready: whether everything that the routes need has been ready once.
    """

    generation: int
    digest: str
    routes: str
    litellm_url: str | None
    is_ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the metrics report.

    Attributes:
        digest: the configuration that is served.
        adopted: when it was adopted, in UNIX seconds.
        read: when the source was last read without a fault, likewise.
        is_pending: whether the published configuration is another one: it is being adopted, or was not.
        faults: by `Fault`: how often.
        litellm_starts: how often LiteLLM was started.
        litellm_exits: how often it ended without being told to.
    """

    digest: str
    adopted: float
    read: float
    is_pending: bool
    faults: dict[str, int] = field(default_factory=dict)
    litellm_starts: int = 0
    litellm_exits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a worker reports.

    Attributes:
        generation: what it serves with; 0 before it has read anything.
        in_use: addresses of earlier LiteLLMs on which it has requests.
    """

    generation: int
    in_use: tuple[str, ...] = ()


class State:
    """The directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._workers = directory / _WORKERS
        self._workers.mkdir(exist_ok=True)

    def publish(self, current: Current) -> None:
        """Tell the workers what to serve with."""
        self._write(self._directory / _CURRENT, asdict(current))

    def current(self) -> Current:
        """What to serve with.

        Raises:
            OSError: nothing was published.
        """
        return Current(**json.loads((self._directory / _CURRENT).read_bytes()))

    def version(self) -> tuple[int, int]:
        """Changes when something else is published; cheap enough to ask several times a second."""
        found = (self._directory / _CURRENT).stat()
        return found.st_mtime_ns, found.st_ino

    def store(self, name: str, content: bytes) -> Path:
        """Write a file of a configuration, under a name that has its digest."""
        path = self._directory / name
        if not path.exists():
            _replace(path, content)
        return path

    def report(self, status: Status) -> None:
        """Tell the metrics."""
        self._write(self._directory / _STATUS, asdict(status))

    def status(self) -> Status | None:
        """What the metrics are told; None before the first report."""
        try:
            return Status(**json.loads((self._directory / _STATUS).read_bytes()))
        except OSError:
            return None

    def acknowledge(self, worker: Worker) -> None:
        """Tell the supervisor what this process serves with."""
        self._write(self._workers / str(os.getpid()), asdict(worker))

    def leave(self) -> None:
        """Tell the supervisor that this process ends."""
        (self._workers / str(os.getpid())).unlink(missing_ok=True)

    def workers(self) -> list[Worker]:
        """What the workers that live report; the others' files are removed."""
        found = []
        for path in self._workers.iterdir():
            if not path.name.isdecimal():
                continue
            try:
                os.kill(int(path.name), 0)
                content: dict[str, Any] = json.loads(path.read_bytes())
            except OSError:
                path.unlink(missing_ok=True)
            else:
                found.append(Worker(generation=content["generation"], in_use=tuple(content["in_use"])))
        return found

    @staticmethod
    def _write(path: Path, content: dict[str, Any]) -> None:
        _replace(path, json.dumps(content).encode())


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
