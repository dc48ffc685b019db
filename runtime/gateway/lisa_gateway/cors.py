"""Cross-origin requests: browsers let the web application, which has another origin, read the gateway's answers.

See the Fetch standard, section 3.3 (CORS protocol).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.request_context import RequestContext

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PREFIX = b"access-control-"
_PREFLIGHT = (
    (b"access-control-allow-methods", b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, X-Request-ID"),
    (b"access-control-max-age", b"7200"),
)
_EXPOSED = (b"access-control-expose-headers", b"X-Request-ID")
_VARY = (b"vary", b"Origin")


class CrossOrigin:
    """The layer around all others: names an allowed origin on each answer to it, errors included.

    What LiteLLM says of origins is left out, since it allows all of them.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; one that no browser sends costs no more than the search for its origin."""
        origin = _header(scope, b"origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        added = [_VARY]
        if origin in self._origins:
            added += [(b"access-control-allow-origin", origin), _EXPOSED]
            if _is_preflight(scope):
                added += _PREFLIGHT

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [header for header in message["headers"] if not header[0].startswith(_PREFIX)]
                message["headers"] = kept + added
            await send(message)

        await self._app(scope, receive, named)


class Preflights:
    """Answers a browser's question whether it may send a request, which carries no token, before callers are checked.

    The answer is the same for every origin; `CrossOrigin` says on it which one may.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or pass a request on."""
        if scope["type"] != "http" or not _is_preflight(scope):
            await self._app(scope, receive, send)
            return
        RequestContext.of(scope).route = "preflight"
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method") is not None


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return None
