"""When a client leaves: its connection tells whoever makes an answer for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from lisa_gateway.errors import ClientLeftError

_KEY = "lisa_gateway.disconnect"


class Departure:
    """The departure of the client of one request, which may come or not.

    A task that waits for `http.disconnect` would cost as much as the rest of a short request.
    """

    __slots__ = ("_has_come", "_then")

    def __init__(self) -> None:
        self._has_come = False
        self._then: Callable[[], None] | None = None

    @staticmethod
    def of(scope: Any) -> Departure:
        """The one of an ASGI scope, where `attach` has put it."""
        found: Departure = scope[_KEY]
        return found

    def attach(self, scope: Any) -> None:
        """Put it where `of` finds it."""
        scope[_KEY] = self

    def then(self, call: Callable[[], None]) -> None:
        """Call this when the client leaves, or now if it has left; it replaces what was to be called before."""
        if self._has_come:
            call()
        else:
            self._then = call

    def forget(self) -> None:
        """Call nothing any more."""
        self._then = None

    def come(self) -> None:
        """The client has left."""
        self._has_come = True
        then, self._then = self._then, None
        if then is not None:
            then()


@asynccontextmanager
async def while_present(scope: Any) -> AsyncIterator[None]:
    """A block that ends when the client of an ASGI scope leaves.

    Raises:
        ClientLeftError: the client has left.
    """
    departure = Departure.of(scope)
    try:
        async with asyncio.timeout(None) as presence:
            departure.then(partial(presence.reschedule, 0))
            yield
    except TimeoutError:
        raise ClientLeftError from None
    finally:
        departure.forget()
