"""A request's body that is sent in parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from aiohttp.http import StreamWriter

    from lisa_gateway.connection import Connection


class Upload:
    """Sends a body in parts, and moves the time until which the head of the answer has to come.

    LiteLLM has that time for each part, and for the answer after the last one; waiting for the client does not count.

    Args:
        parts: the parts.
        head: the wait for the head of the answer.
        seconds: how long LiteLLM has.
    """

    def __init__(self, parts: AsyncIterator[bytes], head: asyncio.Timeout, seconds: float) -> None:
        self._parts = parts
        self._head: asyncio.Timeout | None = head
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self, connection: Connection, writer: StreamWriter) -> None:
        """Send the parts from now on."""
        self._task = asyncio.create_task(self._send(connection, writer))

    def has_head(self) -> None:
        """The head of the answer has come: nothing waits for it any more."""
        self._head = None

    def end(self) -> None:
        """Send no more."""
        if self._task is not None:
            self._task.cancel()

    async def _send(self, connection: Connection, writer: StreamWriter) -> None:
        try:
            self._wait(None)
            async for part in self._parts:
                self._wait(self._seconds)
                await writer.write(part)
                self._wait(None)
            self._wait(self._seconds)
            await writer.write_eof()
        except (aiohttp.ClientError, OSError) as error:
            # Whoever waits for the answer gets it, unless the answer came first.
            connection.set_exception(error)
            return
        connection.start_timeout()

    def _wait(self, seconds: float | None) -> None:
        if self._head is not None:
            self._head.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)
