"""The key that requests must have, as an OpenAI API key."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_GUARDED = "/v1/"


class KeyRequired:
    """Middleware that rejects requests of the API without the key; the health check needs none.

    Args:
        app: the application.
        key: the key.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass a request on."""
        if scope["type"] == "http" and scope["path"].startswith(_GUARDED):
            sent = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(sent, self._expected):
                error = {
                    "message": "The key of the model is missing or wrong.",
                    "type": "invalid_request_error",
                    "code": 401,
                }
                await JSONResponse({"error": error}, status_code=401)(scope, receive, send)
                return
        await self._app(scope, receive, send)
