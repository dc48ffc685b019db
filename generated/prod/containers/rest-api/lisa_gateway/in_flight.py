"""How much of the gateway, and of LiteLLM behind it, one caller may take at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lisa_gateway.errors import BusyError, TooManyRequestsError

if TYPE_CHECKING:
    from lisa_gateway.settings import Settings

SMALL_SHARE = 1 / 64
"""Bodies up to this share of the largest accepted one do not count as load, so that ordinary requests get through while
large ones fill the limits."""


_UNITS = 1000  # Load is counted in whole numbers, which add up to zero again.


@dataclass(slots=True)
class _Use:
    """What is in flight: requests, and their load."""

    requests: int = 0
    load: int = 0


class Place:
    """A request in flight.

    Attributes:
        load: what its body counts.
    """

    __slots__ = ("_add", "load")

    def __init__(self, add: Callable[[int], None]) -> None:
        self._add = add
        self.load = 0

    def charge(self, share: float) -> None:
        """Note how large the request's body is: a share of the largest accepted one, which only grows.

        Raises:
            TooManyRequestsError: the caller's large bodies in flight are at the limit.
            BusyError: those of all callers are.
        """
        if share > SMALL_SHARE:
            load = int(share * _UNITS)
            self._add(load - self.load)
            self.load = load


class InFlight:
    """Counts the requests of a worker, in all and by caller.

    A request counts from its authentication until its answer has ended, streams too, or its client has left.

    Args:
        caller_requests: requests of one caller at a time.
        caller_load: load of one caller: 1 is the largest accepted body.
        requests: requests of all callers.
        load: load of all callers.
    """

    def __init__(self, *, caller_requests: int, caller_load: int, requests: int, load: int) -> None:
        self._caller_requests = caller_requests
        self._caller_load = caller_load
        self._requests = requests
        self._load = load
        self._all = _Use()
        self._callers: dict[bytes, _Use] = {}

    @classmethod
    def of(cls, settings: Settings) -> InFlight:
        """The limits in the settings."""
        return cls(
            caller_requests=settings.max_caller_requests,
            caller_load=settings.max_caller_large_bodies,
            requests=settings.max_requests,
            load=settings.max_large_bodies,
        )

    @contextmanager
    def enter(self, caller: bytes) -> Iterator[Place]:
        """Count a request while the block runs.

        Args:
            caller: who calls; nothing where callers are not told apart, for which only the limits of all hold.

        Raises:
            TooManyRequestsError: the caller's requests in flight are at the limit.
            BusyError: those of all callers are.
        """
        if self._all.requests >= self._requests:
            raise BusyError(f"The gateway has {self._requests} requests in flight (MAX_REQUESTS); try again shortly.")
        own = self._callers.get(caller) if caller else None
        if own is not None and own.requests >= self._caller_requests:
            raise TooManyRequestsError(
                f"You have {self._caller_requests} requests in flight (MAX_CALLER_REQUESTS); wait for some to end."
            )
        if caller and own is None:
            own = self._callers[caller] = _Use()
        place = Place(partial(self._add_load, own))
        self._all.requests += 1
        if own is not None:
            own.requests += 1
        try:
            yield place
        finally:
            self._all.requests -= 1
            self._all.load -= place.load
            if own is not None:
                own.requests -= 1
                own.load -= place.load
                if own.requests == 0:
                    del self._callers[caller]

    def _add_load(self, own: _Use | None, load: int) -> None:
        if own is not None and own.load + load > self._caller_load * _UNITS:
            raise TooManyRequestsError(
                f"You have large requests in flight, together {self._caller_load} times the largest accepted body "
                "(MAX_CALLER_LARGE_BODIES); wait for some to end."
            )
        if self._all.load + load > self._load * _UNITS:
            raise BusyError(
                f"The gateway has large requests in flight, together {self._load} times the largest accepted body "
                "(MAX_LARGE_BODIES); try again shortly."
            )
        self._all.load += load
        if own is not None:
            own.load += load

    def __len__(self) -> int:
        return self._all.requests
