"""How much of the gateway, and of LiteLLM behind it, one caller may take at a time."""

from __future__ import annotations

from dataclasses import dataclass
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
    """A request in flight, while its block runs."""

    __slots__ = ("_caller", "_in_flight", "_load")

    def __init__(self, in_flight: InFlight, caller: bytes) -> None:
        self._in_flight = in_flight
        self._caller = caller
        self._load = 0

    def __enter__(self) -> Place:
        self._in_flight.add(self._caller)
        return self

    def __exit__(self, *_: object) -> None:
        self._in_flight.remove(self._caller, self._load)

    def charge(self, share: float) -> None:
        """Note how large the request's body is: a share of the largest accepted one, which only grows.

        Raises:
            TooManyRequestsError: the caller's large bodies in flight are at the limit.
            BusyError: those of all callers are.
        """
        if share > SMALL_SHARE:
            load = int(share * _UNITS)
            self._in_flight.add_load(self._caller, load - self._load)
            self._load = load


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

    def enter(self, caller: bytes) -> Place:
        """A block in which a request counts; entering it may raise what `add` raises.

        Args:
            caller: who calls; nothing where callers are not told apart, for which only the limits of all hold.
        """
        return Place(self, caller)

    def add(self, caller: bytes) -> None:
        """Count a request.

        Raises:
            TooManyRequestsError: the caller's requests in flight are at the limit.
            BusyError: those of all callers are.
        """
        if self._all.requests >= self._requests:
            raise BusyError(f"The gateway has {self._requests} requests in flight (MAX_REQUESTS); try again shortly.")
        if caller:
            own = self._callers.get(caller)
            if own is None:
                own = self._callers[caller] = _Use()
            elif own.requests >= self._caller_requests:
                raise TooManyRequestsError(
                    f"You have {self._caller_requests} requests in flight (MAX_CALLER_REQUESTS); wait for some to end."
                )
            own.requests += 1
        self._all.requests += 1

    def remove(self, caller: bytes, load: int) -> None:
        """Count a request and its load no more."""
        self._all.requests -= 1
        self._all.load -= load
        if caller:
            own = self._callers[caller]
            own.requests -= 1
            own.load -= load
            if own.requests == 0:
                del self._callers[caller]

    def add_load(self, caller: bytes, load: int) -> None:
        """Count load of a request that counts already.

        Raises:
            TooManyRequestsError: the caller's large bodies in flight are at the limit.
            BusyError: those of all callers are.
        """
        own = self._callers[caller] if caller else None
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
