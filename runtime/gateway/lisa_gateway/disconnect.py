"""Disconnects of clients: the connection notifies the handler that works on the response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from lisa_gateway.errors import ClientDisconnectedError

_KEY = "lisa_gateway.disconnect"


class Disconnect:
    """Whether and when the client of one request disconnects.

    A task that waits for `http.disconnect` would cost as much as the rest of a short request.
    """

    __slots__ = ("_has_happened", "_then")

    def __init__(self) -> None:
        self._has_happened = False
        self._then: Callable[[], None] | None = None

    @staticmethod
    def of(scope: Any) -> Disconnect:
        """Return the one that `attach` put into an ASGI scope."""
        found: Disconnect = scope[_KEY]
        return found

    def attach(self, scope: Any) -> None:
        """Put it into an ASGI scope, for `of`."""
        scope[_KEY] = self

    def on_disconnect(self, call: Callable[[], None]) -> None:
        """Call `call` when the client disconnects, or now if it has; it replaces an earlier callback."""
        if self._has_happened:
            call()
        else:
            self._then = call

    def forget(self) -> None:
        """Remove the callback."""
        self._then = None

    def set(self) -> None:
        """Record that the client has disconnected, and run the callback."""
        self._has_happened = True
        then, self._then = self._then, None
        if then is not None:
            then()


@asynccontextmanager
async def cancel_on_disconnect(scope: Any) -> AsyncIterator[None]:
    """Cancel the block when the client of an ASGI scope disconnects.

    Raises:
        ClientDisconnectedError: the client disconnected.
    """
    disconnect = Disconnect.of(scope)
    try:
        async with asyncio.timeout(None) as presence:
            disconnect.on_disconnect(partial(presence.reschedule, 0))
            yield
    except TimeoutError:
        raise ClientDisconnectedError from None
    finally:
        disconnect.forget()
