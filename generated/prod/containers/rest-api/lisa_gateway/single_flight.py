"""One call for everybody who asks for the same thing at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Runs one call of a key at a time; those who ask meanwhile get its result, or its error."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    async def run(self, key: K, call: Callable[[], Awaitable[V]]) -> V:
        """The result of the call that is running for the key, or of this one. Who leaves does not stop it."""
        return await asyncio.shield(self.start(key, call))

    def start(self, key: K, call: Callable[[], Awaitable[V]]) -> asyncio.Task[V]:
        """The task that is running for the key, or a new one."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(self._finish(key, call))
            # An error belongs to those who wait; when nobody does any more, asyncio shall not report it as lost.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._running[key] = task
        return task

    async def _finish(self, key: K, call: Callable[[], Awaitable[V]]) -> V:
        try:
            return await call()
        finally:
            del self._running[key]
