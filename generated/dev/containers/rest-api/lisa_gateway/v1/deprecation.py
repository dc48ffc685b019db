"""The headers that say that a route is going away (RFC 9745, RFC 8288)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/v1/"

# RFC 9745 wants the moment as UNIX seconds: June 1, 2024, when LISA 2.0 put `/v2/serve` in their place.
_HEADERS = [(b"deprecation", b"@1717200000"), (b"link", b'</v2/serve>; rel="successor-version"')]


class Deprecation:
    """Adds the headers to every answer below `/v1/`, refusals too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return

        async def deprecating(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, deprecating)
