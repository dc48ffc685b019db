"""Admission of requests: limits of their size, then authentication."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway import health
from lisa_gateway.errors import BodyTooLargeError, HeadersTooLargeError
from lisa_gateway.request_context import RequestContext

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lisa_gateway.resources import Resources
    from lisa_gateway.settings import Settings


class AdmissionMiddleware:
    """ASGI middleware: checks limits first, since that is cheap, then authenticates the caller."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a request.

        Raises:
            HeadersTooLargeError: its headers are longer than the limit.
            BodyTooLargeError: its Content-Length or its body is over the limit.
            UnauthorizedError: its credential is missing or not valid.
            UnavailableError: its credential cannot be checked now.
        """
        if scope["type"] == "http":
            receive = self._limited(scope, receive)
            if scope["path"] not in health.PATHS:
                resources: Resources = scope["state"]["resources"]
                RequestContext.of(scope).caller = await resources.authenticator.authenticate(scope["headers"])
        await self._app(scope, receive, send)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        size, length = 0, None
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"content-length":
                length = int(value) if value.isdigit() else None
        if size > self._settings.max_header_bytes:
            raise HeadersTooLargeError(
                f"The headers are longer than {self._settings.max_header_bytes} bytes (MAX_HEADER_BYTES); shorten them."
            )
        limit = self._settings.max_body_bytes
        context = RequestContext.of(scope)
        if length is None:
            return _counted(receive, limit, context)
        if length > limit:
            raise _too_large(limit)
        context.bytes_in = length
        # The server delivers no more than Content-Length.
        return receive


def _counted(receive: Receive, limit: int, context: RequestContext) -> Receive:
    """Count the bytes of a body without Content-Length."""

    async def counted() -> Message:
        message = await receive()
        context.bytes_in += len(message.get("body", b""))
        if context.bytes_in > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"The body is longer than {limit} bytes.")
