"""Whether LiteLLM answers, asked at most once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.single_flight import SingleFlight
from lisa_gateway.timed_cache import TimedCache

if TYPE_CHECKING:
    from lisa_gateway.upstream import Upstream

_SECONDS = 1.0


class Health:
    """Remembers the last answer of LiteLLM's liveness probe for a second."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._last: TimedCache[None, bool] = TimedCache(seconds=_SECONDS, size=1)
        self._probes: SingleFlight[None, bool] = SingleFlight()

    async def is_good(self) -> bool:
        """Whether LiteLLM answers."""
        known = self._last.get(None)
        if known is None:
            known = await self._probes.run(None, self._upstream.is_alive)
            self._last.put(None, known)
        return known
