"""A worker's part: it adopts each configuration that the supervisor publishes, while requests are served."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from lisa_gateway.configuration.state import Current, State, Worker

PAUSE_SECONDS = 0.2
"""Between two looks; a look that finds nothing new costs 2 µs."""

_log = logging.getLogger(__name__)


class Follower:
    """Follows the supervisor's state. Enter it: it has then adopted what is current.

    Args:
        directory: the supervisor's.
        adopt: receives what is current and its routes document; requests that begin afterwards are served with it.
        in_use: addresses of LiteLLM that requests which began earlier are still sent to.
    """

    def __init__(
        self, directory: Path, *, adopt: Callable[[Current, bytes], None], in_use: Callable[[], Collection[str]]
    ) -> None:
        self._state = State(directory)
        self._adopt = adopt
        self._in_use = in_use
        self._version: tuple[int, int] | None = None
        self._generation = 0
        self._reported: Worker | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Follower:
        # Before reading: the supervisor must not stop a LiteLLM that this worker is about to use.
        self._report()
        self._look()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._state.leave()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                self._look()
            except Exception:
                # Whatever it is, the worker serves with what it has, and the supervisor sees that it did not follow.
                _log.exception("the published configuration cannot be adopted")

    def _look(self) -> None:
        version = self._state.version()
        if version != self._version:
            # One that cannot be adopted is tried once.
            self._version = version
            current = self._state.current()
            self._adopt(current, Path(current.routes).read_bytes())
            self._generation = current.generation
        self._report()

    def _report(self) -> None:
        worker = Worker(generation=self._generation, in_use=tuple(sorted(self._in_use())))
        if worker != self._reported:
            self._state.acknowledge(worker)
            self._reported = worker
