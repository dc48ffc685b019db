"""Who may come in, and how much they may bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway import health
from lisa_gateway.errors import BodyTooLargeError, HeadersTooLargeError
from lisa_gateway.exchange import Exchange

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lisa_gateway.resources import Resources
    from lisa_gateway.settings import Settings


class Admission:
    """Wraps the application: limits first, since they cost nothing, then the caller."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in.

        Raises:
            HeadersTooLargeError: its headers are longer than the limit.
            BodyTooLargeError: its body is, by its own word or by what comes.
            UnauthorizedError: its credential is missing or not valid.
            UnavailableError: its credential cannot be checked now.
        """
        if scope["type"] == "http":
            receive = self._limited(scope, receive)
            if scope["path"] not in health.PATHS:
                resources: Resources = scope["state"]["resources"]
                Exchange.of(scope).caller = await resources.authenticator.authenticate(scope["headers"])
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
        if length is None:
            return _counted(receive, limit)
        if length > limit:
            raise _too_large(limit)
        # The server sees to it that no more comes than this.
        return receive


def _counted(receive: Receive, limit: int) -> Receive:
    """Count what comes of a body that does not say how long it is."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"The body is longer than {limit} bytes.")
