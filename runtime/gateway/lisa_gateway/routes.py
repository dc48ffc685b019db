"""The routes that the gateway answers itself, and the description of all of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from lisa_gateway import description, health
from lisa_gateway.errors import (
    ClientDisconnectedError,
    GatewayError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
)
from lisa_gateway.request_context import RequestContext
from lisa_gateway.v1.routes import router as v1

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp, Receive, Scope, Send

VERSION = "3.0.0"

_Responses = dict[int | str, dict[str, Any]]
_CLIENT_CLOSED_REQUEST = 499  # As nginx calls it; for the log and the metrics.


def documented_routes(lifespan: Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]) -> ASGIApp:
    """Make the part of the application that FastAPI routes: health, the description, and `/v1`."""
    # The gateway limits bodies itself.
    app = FastAPI(title="LISA", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    silent: _Responses = {503: {"description": "LiteLLM does not respond"}}
    unready: _Responses = {503: {"description": "LiteLLM has not responded since the gateway started"}}
    app.add_api_route(health.LIVENESS, _liveness, methods=["GET"], responses=unready)
    app.add_api_route(health.READINESS, _readiness, methods=["GET"], responses=silent)
    app.include_router(v1)

    @cache
    def document() -> dict[str, Any]:
        found = get_openapi(title="LISA", version=VERSION, description=description.DESCRIPTION, routes=app.routes)
        return description.complete(found)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(document())

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(description.page(document()))

    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(ClientDisconnectedError, _client_left)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    return _Named(app)


class _Named:
    """Tells the exchange which route it took; FastAPI leaves it in the scope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            route = scope.get("route")
            if scope["type"] == "http" and route is not None:
                RequestContext.of(scope).route = route.path


async def _liveness(request: Request) -> Response:
    """Whether the gateway serves: what load balancers and container health checks ask."""
    return _health(await request.state.resources.health.is_live())


async def _readiness(request: Request) -> Response:
    """Whether LiteLLM answers now."""
    return _health(await request.state.resources.health.is_ready())


def _health(is_good: bool) -> Response:
    if is_good:
        return JSONResponse({"status": "OK"})
    return JSONResponse({"status": "LiteLLM does not respond"}, status_code=503)


async def _gateway_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):
        raise error
    return _refusal(request, error)


async def _client_left(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """End the exchange; nobody gets the answer."""
    RequestContext.of(request.scope).error_reason = "client_left"
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def _http_error(request: Request, error: Exception) -> Response:
    """What the framework refuses: a path, a method, or a body that it cannot parse."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "").split(", ")
        return _refusal(request, MethodNotAllowedError(f"Use {' or '.join(allowed)} for this path.", allowed))
    return _refusal(request, NotFoundError() if error.status_code == 404 else InvalidRequestError())


async def _invalid(request: Request, error: Exception) -> Response:
    """Say where and what, and nothing of what was sent."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    said = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems[:5])
    refusal = InvalidRequestError(f"Correct the request: {said}.")
    refusal.status = 422
    return _refusal(request, refusal)


def _refusal(request: Request, error: GatewayError) -> Response:
    context = RequestContext.of(request.scope)
    context.error_reason = error.code
    body = error.body(context.request_id)
    return Response(body, error.status, headers=dict(error.headers), media_type="application/json")
