"""Turns for requests that cost LiteLLM much, so that others get through between them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lisa_gateway.settings import Settings

PACED_WORK = 1 / 256
"""Share of the work of the largest accepted body up to which a request goes on at once: about 20 messages."""

_PROBED_WORK = 1 / 32
"""Work after which LiteLLM is asked whether it has done it; a probe costs it about as much as 1/500."""

_MOST_PROBES = 15  # Of two seconds each: a LiteLLM that does not answer is for the watchdog to judge.


class Pacing:
    """Sends a request on when LiteLLM has probably done the work of the one before.

    LiteLLM parses and copies a request on the thread that serves all. Several large ones that come together would be
    done one after the other before any other request. The next one goes on after the time that the last one takes on an
    idle machine, and once LiteLLM answers a probe, which is behind it in LiteLLM's queue. Callers take turns, in the
    order in which they came.

    Args:
        seconds: of LiteLLM's thread for the largest accepted body.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._holder: asyncio.Task[None] | None = None
        self._unprobed = 0.0
        self._waiting: dict[bytes, deque[tuple[asyncio.Future[None], float]]] = {}

    @classmethod
    def of(cls, settings: Settings) -> Pacing:
        """As the settings say."""
        return cls(settings.large_body_seconds)

    async def turn(self, caller: bytes, work: float, probe: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the request may go on.

        Args:
            caller: who calls; nothing where callers are not told apart.
            work: share of the work of the largest accepted body, 0 to 1.
            probe: whether LiteLLM answers.
        """
        if work <= PACED_WORK or not self._seconds:
            return
        if self._holder is None:
            self._take(work, probe)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append((turn, work))
        await turn

    def _take(self, work: float, probe: Callable[[], Awaitable[bool]]) -> None:
        self._holder = asyncio.create_task(self._hold(work, probe))

    async def _hold(self, work: float, probe: Callable[[], Awaitable[bool]]) -> None:
        try:
            await asyncio.sleep(work * self._seconds)
            self._unprobed += work
            if self._unprobed >= _PROBED_WORK:
                self._unprobed = 0.0
                for _ in range(_MOST_PROBES):
                    if await probe():
                        break
        finally:
            self._holder = None
            self._pass_on(probe)

    def _pass_on(self, probe: Callable[[], Awaitable[bool]]) -> None:
        while self._waiting and self._holder is None:
            caller = next(iter(self._waiting))
            queue = self._waiting.pop(caller)
            turn, work = queue.popleft()
            if queue:
                # Behind those of the other callers.
                self._waiting[caller] = queue
            # The task of a request that has ended has cancelled its future.
            if not turn.done():
                turn.set_result(None)
                self._take(work, probe)
