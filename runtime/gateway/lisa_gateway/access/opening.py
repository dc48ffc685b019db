"""Access control with its tables, as long as a worker lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from lisa_gateway.access.admission import AccessControl
from lisa_gateway.access.counters import DynamoCounters
from lisa_gateway.access.limiter import Limiter
from lisa_gateway.access.usage import UsageRecorder
from lisa_gateway.token_table import dynamo_client

if TYPE_CHECKING:
    from lisa_gateway.settings import Settings

_LAST_WRITE_SECONDS: Final = 5.0


@asynccontextmanager
async def open_access(
    settings: Settings, document: Callable[[], Mapping[str, Any] | None]
) -> AsyncIterator[AccessControl]:
    """Open what limits and usage are counted in; leaving it gives leases back and writes what is not written.

    Args:
        settings: the names of the tables.
        document: see `AccessControl`.
    """
    limiter: Limiter | None = None
    usage: UsageRecorder | None = None
    async with AsyncExitStack() as stack:
        if settings.limits_table_name or settings.usage_table_name:
            client = await stack.enter_async_context(dynamo_client(settings.aws_region))
            if settings.limits_table_name:
                limiter = Limiter(DynamoCounters(client, settings.limits_table_name))
                await stack.enter_async_context(_running(limiter.run(), lambda: limiter.write(at_once=True)))
            if settings.usage_table_name:
                usage = UsageRecorder(client, settings.usage_table_name)
                await stack.enter_async_context(_running(usage.run(), usage.write))
        yield AccessControl(document, limiter, usage)


@asynccontextmanager
async def _running(
    work: Coroutine[Any, Any, None], last: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncIterator[None]:
    """Run work in the background; when it ends, do what is to be done last."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WRITE_SECONDS):
                await last()
