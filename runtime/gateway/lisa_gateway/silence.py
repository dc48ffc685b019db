"""How long a server has been silent, with a timer that is not started again for each part of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Silence:
    """Calls once when nothing has been heard for some seconds.

    A stream has thousands of parts, and a timer for each costs more than the rest of its way through the loop. The one
    timer that there is looks at its end whether something has been heard, and waits for the rest.

    Args:
        loop: the event loop.
        call: called when it has been silent for too long.

    Attributes:
        heard: when something was heard last, in seconds of the event loop; whoever hears sets it.
    """

    __slots__ = ("_call", "_end", "_loop", "_seconds", "_timer", "heard")

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        self._loop = loop
        self._call = call
        self._seconds = 0.0
        self._end = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.heard = 0.0

    def watch(self, seconds: float) -> None:
        """Watch from now on: so many seconds of silence are too many."""
        self.heard = self._loop.time()
        self._seconds = seconds
        end = self.heard + seconds
        if self._timer is not None and self._end > end:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._start(end)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, end: float) -> None:
        self._end = end
        self._timer = self._loop.call_at(end, self._look)

    def _look(self) -> None:
        self._timer = None
        end = self.heard + self._seconds
        if end > self._loop.time():
            self._start(end)
        else:
            self._call()
