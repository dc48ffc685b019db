"""The gateway application."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry

from lisa_gateway.admission import AdmissionMiddleware
from lisa_gateway.audit.spool import Spool
from lisa_gateway.client_connections import ClientConnections
from lisa_gateway.cors import CrossOrigin, Preflights
from lisa_gateway.limits import Limits
from lisa_gateway.metrics import Metrics
from lisa_gateway.observability import ObservabilityMiddleware
from lisa_gateway.pass_through import PREFIX, PassThrough
from lisa_gateway.request_log import RequestLog
from lisa_gateway.resources import open_resources
from lisa_gateway.routes import documented_routes
from lisa_gateway.settings import Settings
from lisa_gateway.v1.deprecation import Deprecation

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_COLLECT_AFTER = 20_000
"""New objects until the garbage collector looks; what a request leaves behind is counted down at once."""


def create_app(settings: Settings) -> ASGIApp:
    """Make the application; its connections are opened when it starts."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:  # noqa: ARG001
        async with open_resources(settings) as resources, ClientConnections(settings) as connections:
            # What is loaded by now stays: without this, each full collection walks through all of botocore's models and
            # holds every request up for 100 ms.
            gc.collect()
            gc.freeze()
            gc.set_threshold(_COLLECT_AFTER)
            yield {"resources": resources, "connections": connections}

    routed = _Dispatch(documented_routes(lifespan), PassThrough())
    observed = ObservabilityMiddleware(
        Preflights(AdmissionMiddleware(Limits(routed, settings), settings)), _request_log(settings)
    )
    return CrossOrigin(Deprecation(observed), settings.web_origins)


def _request_log(settings: Settings) -> RequestLog:
    metrics = Metrics.make(CollectorRegistry())
    if not settings.audit_log_group:
        return RequestLog(metrics)
    spool = Spool(
        Path(settings.audit_folder),
        log_group=settings.audit_log_group,
        limit=settings.audit_max_bytes,
        count_lost=metrics.audit_lost.inc,
    )
    return RequestLog(metrics, spool)


class _Dispatch:
    """`/v2/serve` past the framework, which would double what a request costs; everything else through it."""

    def __init__(self, documented: ASGIApp, pass_through: ASGIApp) -> None:
        self._documented = documented
        self._pass_through = pass_through

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        passes = scope["type"] == "http" and scope["path"].startswith(f"{PREFIX}/")
        await (self._pass_through if passes else self._documented)(scope, receive, send)
