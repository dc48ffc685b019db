"""A request's body that is sent in parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


class Upload:
    """A body in parts, which moves the time until which the head of the answer has to come.

    LiteLLM has that time for each part, and for the answer after the last one; waiting for the client does not count.

    Attributes:
        is_over: whether the wait for the head has ended.
    """

    def __init__(self, parts: AsyncIterator[bytes], timeout: asyncio.Timeout, seconds: float) -> None:
        self.is_over = False
        self._parts = parts
        self._timeout = timeout
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._wait(None)
        async for part in self._parts:
            self._wait(self._seconds)
            yield part
            self._wait(None)
        self._wait(self._seconds)

    def _wait(self, seconds: float | None) -> None:
        if not self.is_over:
            self._timeout.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)
