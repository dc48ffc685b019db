"""All connections of clients of a worker: how many there may be, and how long each may take."""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import Counter
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lisa_gateway.errors import GatewayError
    from lisa_gateway.settings import Settings

_SWEEP_SECONDS = 1.0
_RESERVE = 64
"""Connections beyond the limit that still get an answer: the state of the gateway, or 503."""
_FILES_OF_A_CONNECTION = 3  # Its socket, one to LiteLLM, and one there that is kept for a moment.
_FILES_OF_A_WORKER = 64 + _RESERVE
_LINGER_SECONDS = 5.0

_log = logging.getLogger(__name__)


class LimitedConnection(Protocol):
    """What `ClientConnections` needs of a connection; see `ClientConnection`."""

    @property
    def is_serving(self) -> bool:
        """Whether a request is being answered."""

    @property
    def patience(self) -> tuple[bool, float]:
        """Sorts first what is ended first when there are too many."""

    def drop(self) -> None:
        """End it at once."""

    def enforce(self, now: float) -> None:
        """End it if it has been over one of its limits at `now`, a time of the event loop."""


class ClientConnections:
    """Keeps the limits of all connections, and checks them once a second. Enter it to begin.

    Attributes:
        max_unframed_bytes: of a head before it is complete, or of a chunk's size or trailers. A complete head is the
            application's to judge, whose answer has an id and what the route adds.
        max_target_bytes: of path and query.
        head_timeout: seconds until the headers of a request have come.
        body_progress_timeout: seconds in which `min_body_bytes` of a body have to come, while the gateway waits for it.
        min_body_bytes: see `body_progress_timeout`.
        write_timeout: seconds in which a client has to take what the gateway holds for it.
        keep_alive: seconds that a connection may be without a request.
        linger: seconds for taking a last answer.
    """

    def __init__(self, settings: Settings) -> None:
        self.max_unframed_bytes = 2 * settings.max_header_bytes
        self.max_target_bytes = settings.max_target_bytes
        self.head_timeout = settings.head_timeout
        self.body_progress_timeout = settings.body_progress_timeout
        self.min_body_bytes = settings.min_body_bytes
        self.write_timeout = settings.write_timeout
        self.keep_alive = settings.keep_alive_timeout
        self.linger = _LINGER_SECONDS
        self._most = _affordable(settings.max_connections)
        self._open: set[LimitedConnection] = set()
        self._refused: Counter[str] = Counter()
        self._sweeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ClientConnections:
        self._sweeper = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()

    def add(self, connection: LimitedConnection) -> bool:
        """Take a connection, and end one that has no request if there are too many now.

        Returns:
            Whether it may do more than ask for the state of the gateway: not when all others have requests.
        """
        self._open.add(connection)
        if len(self._open) <= self._most:
            return True
        idle = min(
            (other for other in self._open if other is not connection and not other.is_serving),
            key=lambda other: other.patience,
            default=None,
        )
        if idle is not None:
            self.discard(idle)
            idle.drop()
            self._refused["too_many_connections"] += 1
            return True
        if len(self._open) > self._most + _RESERVE:
            self.discard(connection)
            connection.drop()
            self._refused["too_many_connections"] += 1
        return False

    def discard(self, connection: LimitedConnection) -> None:
        """Forget a connection that has ended."""
        self._open.discard(connection)

    def count(self, error: GatewayError) -> None:
        """Take notice of a request that was refused before it was one."""
        self._refused[error.code] += 1

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = loop.time()
            for connection in list(self._open):
                connection.enforce(now)
            if self._refused:
                # One line a second at most, however many there are.
                _log.warning("refused: %s", ", ".join(f"{times} {code}" for code, times in self._refused.items()))
                self._refused.clear()


def _affordable(wanted: int) -> int:
    """As many connections as are wanted, or as the files that the process may open are enough for."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _FILES_OF_A_WORKER + wanted * _FILES_OF_A_CONNECTION
    if files < needed:
        files = needed if most == resource.RLIM_INFINITY else min(needed, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    found = max(1, min(wanted, (files - _FILES_OF_A_WORKER) // _FILES_OF_A_CONNECTION))
    if found < wanted:
        _log.warning(
            "MAX_CONNECTIONS is %d, but the limit of open files permits %d: increase ulimit -n.", wanted, found
        )
    return found
