"""The gateway application."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
_NOT_READY = {"message": "The gateway of this release serves no requests yet.", "code": "NotImplemented"}


def create_app() -> FastAPI:
    """Make the application: not healthy, and 501 for every request."""
    app = FastAPI(title="LISA", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    async def health() -> JSONResponse:
        return JSONResponse(_NOT_READY, status_code=503)

    @app.api_route("/{path:path}", methods=_METHODS)
    async def everything(request: Request, path: str) -> JSONResponse:  # noqa: ARG001
        return JSONResponse(_NOT_READY, status_code=501)

    return app
