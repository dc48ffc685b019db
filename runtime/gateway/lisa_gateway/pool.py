"""Connections to LiteLLM, which are kept for up to one and a half seconds, each for the caller that had it."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from lisa_gateway.connection import Connection
from lisa_gateway.errors import UpstreamTimeoutError, UpstreamUnavailableError

# uvicorn, which LiteLLM runs on, closes a connection that was idle for 5 seconds; one that is about to be closed must
# not be taken for the next request.
_KEPT_SECONDS = 1.0


class Pool:
    """Opens connections, and hands out one that was used before to the same caller alone.

    Args:
        host: name or address.
        port: port.
        is_tls: whether to use TLS.
        limit: connections in use at a time.
        timeout: seconds to open one; waiting until one may be opened has as many.
    """

    def __init__(self, host: str, port: int, *, is_tls: bool, limit: int, timeout: float) -> None:
        self._host = host
        self._port = port
        self._is_tls = is_tls
        self._timeout = timeout
        self._places = asyncio.Semaphore(limit)
        self._kept: defaultdict[bytes, list[Connection]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None
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
            UpstreamUnavailableError: LiteLLM takes no connection.
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
                raise UpstreamTimeoutError("All connections to the model proxy are in use; try again.") from None
        else:
            await self._places.acquire()
        try:
            kept = self._kept.get(caller) if caller else None
            while kept:
                connection = kept.pop()
                if connection.is_reusable:
                    return connection
                connection.abort()
            return await self._open()
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: Connection, caller: bytes) -> None:
        """Take a connection back: it is kept for its caller if another exchange may follow, and ended otherwise."""
        self._places.release()
        self._in_use -= 1
        if not caller or not connection.is_reusable:
            # What is not sent yet must not keep it open.
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._kept[caller].append(connection)
        if self._timer is None:
            self._timer = loop.call_later(_KEPT_SECONDS, self._drop_idle)

    def close(self) -> None:
        """End all connections that are kept."""
        if self._timer is not None:
            self._timer.cancel()
        for kept in self._kept.values():
            for connection in kept:
                connection.abort()
        self._kept.clear()

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop), self._host, self._port, ssl=self._is_tls or None
                )
        except TimeoutError as error:
            raise UpstreamTimeoutError("The model proxy did not accept a connection in time.") from error
        except OSError as error:
            raise UpstreamUnavailableError("The model proxy is unreachable.") from error
        return connection

    def _drop_idle(self) -> None:
        loop = asyncio.get_running_loop()
        newest_to_drop = loop.time() - _KEPT_SECONDS
        for caller, kept in list(self._kept.items()):
            remaining = [connection for connection in kept if connection.idle_since > newest_to_drop]
            for connection in kept:
                if connection.idle_since <= newest_to_drop:
                    connection.abort()
            if remaining:
                self._kept[caller] = remaining
            else:
                del self._kept[caller]
        self._timer = loop.call_later(_KEPT_SECONDS / 2, self._drop_idle) if self._kept else None
