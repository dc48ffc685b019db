"""Connections to a server, which are kept for a while, each for the caller that had it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from lisa_gateway.connection import Connection
from lisa_gateway.errors import UpstreamConnectTimeoutError, UpstreamTimeoutError, UpstreamUnreachableError

_MOST_KEPT = 512
"""Connections that are kept at most; the file descriptors of a worker are counted with them (client_connections)."""


class Pool:
    """Opens connections, and gives one that was used before to the same caller alone.

    Args:
        host: name or address.
        port: port.
        is_tls: whether to use TLS.
        limit: connections in use at a time.
        timeout: seconds to open one; waiting until one may be opened has as many.
        kept_seconds: how long one is kept; some are kept for half as long again.
        subject: what the server is, for errors.
        on_open: called when the server has taken a new connection.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        is_tls: bool,
        limit: int,
        timeout: float,
        kept_seconds: float,
        subject: str,
        on_open: Callable[[], None] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._is_tls = is_tls
        self._timeout = timeout
        self._kept_seconds = kept_seconds
        self._subject = subject
        self._on_open = on_open
        self._places = asyncio.Semaphore(limit)
        self._kept: defaultdict[bytes, list[Connection]] = defaultdict(list)
        self._kept_count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._in_use = 0

    @property
    def is_in_use(self) -> bool:
        """Whether an exchange has a connection, or waits for one."""
        return self._in_use > 0

    async def take(self, caller: bytes) -> Connection:
        """A connection for one exchange; `give_back` ends that.

        Args:
            caller: who may have had it before; nothing for a new one.

        Raises:
            UpstreamUnreachableError: the server takes no connection.
            UpstreamTimeoutError: it takes none in time, or too many are in use.
        """
        self._in_use += 1
        try:
            return await self._take(caller)
        except BaseException:
            self._in_use -= 1
            raise

    async def _take(self, caller: bytes) -> Connection:
        if self._places.locked():
            try:
                async with asyncio.timeout(self._timeout):
                    await self._places.acquire()
            except TimeoutError:
                raise UpstreamTimeoutError(f"All connections to {self._subject} are in use; try again.") from None
        else:
            await self._places.acquire()
        try:
            kept = self._kept.get(caller) if caller else None
            while kept:
                connection = kept.pop()
                self._kept_count -= 1
                if connection.is_reusable:
                    return connection
                connection.abort()
            return await self._open()
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: Connection, caller: bytes) -> None:
        """Take a connection back: it is kept for its caller if another exchange may follow, and ended otherwise."""
        connection.end()
        self._places.release()
        self._in_use -= 1
        if not caller or self._is_closed or self._kept_count >= _MOST_KEPT or not connection.is_reusable:
            # What is not sent yet must not keep it open.
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._kept[caller].append(connection)
        self._kept_count += 1
        if self._timer is None:
            self._timer = loop.call_later(self._kept_seconds, self._drop_idle)

    def close(self) -> None:
        """End all connections that are kept; none is kept from now on."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for kept in self._kept.values():
            for connection in kept:
                connection.abort()
        self._kept.clear()
        self._kept_count = 0

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        subject = f"{self._subject[:1].upper()}{self._subject[1:]}"
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop), self._host, self._port, ssl=self._is_tls or None
                )
        except TimeoutError as error:
            raise UpstreamConnectTimeoutError(f"{subject} did not accept a connection in time.") from error
        except OSError as error:
            raise UpstreamUnreachableError(f"{subject} is unreachable.") from error
        if self._on_open is not None:
            self._on_open()
        return connection

    def _drop_idle(self) -> None:
        loop = asyncio.get_running_loop()
        newest_to_drop = loop.time() - self._kept_seconds
        for caller, kept in list(self._kept.items()):
            remaining = [connection for connection in kept if connection.idle_since > newest_to_drop]
            for connection in kept:
                if connection.idle_since <= newest_to_drop:
                    connection.abort()
            self._kept_count -= len(kept) - len(remaining)
            if remaining:
                self._kept[caller] = remaining
            else:
                del self._kept[caller]
        self._timer = loop.call_later(self._kept_seconds / 2, self._drop_idle) if self._kept else None
