"""Whether a client is still there while its answer is made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from lisa_gateway.errors import ClientLeftError

if TYPE_CHECKING:
    from starlette.types import Receive


@asynccontextmanager
async def while_present(receive: Receive) -> AsyncIterator[None]:
    """A block that ends when the client leaves; the request's body has been received before.

    Raises:
        ClientLeftError: the client has left.
    """
    watch: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(None) as presence:
            watch = asyncio.create_task(until_gone(receive, presence))
            yield
    except TimeoutError:
        raise ClientLeftError from None
    finally:
        if watch is not None:
            watch.cancel()


async def until_gone(receive: Receive, presence: asyncio.Timeout) -> None:
    """Wait for the client to leave, and end the block of that timeout then."""
    while (await receive())["type"] != "http.disconnect":
        pass
    presence.reschedule(0)
