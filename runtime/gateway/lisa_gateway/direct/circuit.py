"""Whether a server can be reached, found out by trying."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE_SECONDS = 1.0


class Circuit:
    """Lets requests try while the last connection worked, and one at a time while it did not.

    There is no time in which a server is given up: whenever no attempt is under way, the next request tries, so that a
    server that is back serves at once. Without it, each request for a server whose network is gone would wait for its
    own connection, and all of them together take the places of requests for other models.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._is_broken = False
        self._attempt_began = -_PATIENCE_SECONDS

    def may_try(self) -> bool:
        """Whether a request may try: not while the server is out of reach and another request tries.

        An attempt counts for one second, so that one that hangs does not hold up the others.
        """
        if not self._is_broken:
            return True
        now = self._clock()
        if now - self._attempt_began < _PATIENCE_SECONDS:
            return False
        self._attempt_began = now
        return True

    def has_worked(self) -> None:
        """The server has taken a connection."""
        self._is_broken = False

    def has_failed(self) -> None:
        """The server has taken no connection: the next request tries again."""
        self._is_broken = True
        self._attempt_began = self._clock() - _PATIENCE_SECONDS
