"""Limits on what an authenticated caller may send and have in flight, checked before LiteLLM gets the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.bodies import BodyKind, BodyLimits, BodyReader, content_type_of, kind_of, metered_upload
from lisa_gateway.form_model import read_form_model
from lisa_gateway.in_flight import InFlight
from lisa_gateway.request_context import RequestContext

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lisa_gateway.settings import Settings


class Limits:
    """Wraps the application below `AdmissionMiddleware`, which knows the caller.

    JSON and URL-encoded forms are read and measured as they come, and go on as one part; an upload
    is measured while it goes on.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._body_limits = BodyLimits.of(settings)
        self._in_flight = InFlight.of(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through that is within the limits.

        Raises:
            BodyEncodingError: its body is compressed.
            BodyTimeoutError: its body did not come in time.
            BodyTooLargeError: its body is over a limit.
            BusyError: all callers together have too much in flight.
            ClientDisconnectedError: the client has left.
            InvalidBodyError: its body cannot be measured.
            TooManyRequestsError: the caller has too much in flight.
            UnsupportedParameterError: a form does not name its model in one field.
        """
        context = RequestContext.of(scope) if scope["type"] == "http" else None
        caller = context.caller if context is not None else None
        if context is None or caller is None:
            await self._app(scope, receive, send)
            return
        content_type = content_type_of(scope["headers"])
        kind = kind_of(content_type)
        with self._in_flight.enter(caller.key) as place:
            if kind is BodyKind.UPLOAD:
                receive, context.form_model = metered_upload(content_type, self._body_limits, receive)
            else:
                for name, value in scope["headers"]:
                    if name == b"content-length" and value.isdigit():
                        self._body_limits.check_length(kind, int(value))
                reader = BodyReader(self._body_limits, kind, place.charge)
                body = await reader.read(receive)
                context.content, context.work = reader.content, reader.work
                if kind is BodyKind.FORM:
                    context.form_model = read_form_model(body)
                receive = _replayed(body, receive)
            await self._app(scope, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What has been received once more, then what comes."""
    message: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def replay() -> Message:
        nonlocal message
        if message is None:
            return await receive()
        found, message = message, None
        return found

    return replay
