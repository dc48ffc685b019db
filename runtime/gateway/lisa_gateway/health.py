"""Whether the gateway runs, and whether LiteLLM answers where a route leads to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.single_flight import SingleFlight
from lisa_gateway.timed_cache import TimedCache

if TYPE_CHECKING:
    from lisa_gateway.routing.current import Routing
    from lisa_gateway.upstream import Upstream

LIVENESS = "/health"
READINESS = "/health/readiness"
PATHS = frozenset({LIVENESS, READINESS})

_SECONDS = 1.0


class Health:
    """Asks LiteLLM's liveness probe at most once a second.

    Attributes:
        has_started: whether LiteLLM has answered once, to this worker or to the supervisor.
    """

    def __init__(self, upstream: Upstream, routing: Routing) -> None:
        self._upstream = upstream
        self._routing = routing
        self._last: TimedCache[None, bool] = TimedCache(seconds=_SECONDS, size=1)
        self._probes: SingleFlight[None, bool] = SingleFlight()
        self.has_started = False

    async def is_live(self) -> bool:
        """Whether the gateway can serve: from LiteLLM's first answer on, however busy LiteLLM is then."""
        return self.has_started or await self.is_ready()

    async def is_ready(self) -> bool:
        """Whether LiteLLM answers now; where no model is served through it, always."""
        if not self._routing.current.needs_litellm:
            return True
        known = self._last.get(None)
        if known is None:
            known = await self._probes.run(None, self._upstream.is_alive)
            self._last.put(None, known)
            self.has_started = self.has_started or known
        return known
