"""The outermost middleware: request ids, a log line and metrics for each request, and responses to errors."""

from __future__ import annotations

import logging
import os
import re
import time
from typing import TYPE_CHECKING

from lisa_gateway.errors import ClientDisconnectedError, GatewayError, UpstreamInterruptedError
from lisa_gateway.event_stream import is_event_stream
from lisa_gateway.request_context import RequestContext

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lisa_gateway.request_log import RequestLog


_REQUEST_ID = b"x-request-id"
_VALID_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_UNSUPPORTED_DATA = 1003

_log = logging.getLogger(__name__)


class ObservabilityMiddleware:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, request_log: RequestLog) -> None:
        self._app = app
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, whatever is raised within."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _UNSUPPORTED_DATA})
            return
        if scope["type"] != "http":
            try:
                await self._app(scope, receive, send)
            finally:
                self._request_log.close()
            return
        context = RequestContext(request_id=_request_id(scope["headers"]), began=time.perf_counter())
        context.attach(scope)
        answer = _Answer(send, context)
        try:
            await self._app(scope, receive, answer.send)
        except GatewayError as error:
            await answer.fail(error)
        except UpstreamInterruptedError as error:
            context.error_reason = error.code
            await answer.interrupt(error)
        except ClientDisconnectedError:
            context.error_reason = "client_left"
        # The boundary of a request: what is wrong with one must not end the worker.
        except Exception:
            _log.exception("request %s failed", context.request_id)
            await answer.fail(GatewayError())
        finally:
            method = scope["method"]
            self._request_log.add(context, method if method in _METHODS else "other")


class _Answer:
    """Sends the response: records the status and the time of the first byte, and adds the request id."""

    __slots__ = ("_context", "_is_stream", "_send")

    def __init__(self, send: Send, context: RequestContext) -> None:
        self._send = send
        self._context = context
        self._is_stream = False

    async def send(self, message: Message) -> None:
        context = self._context
        if message["type"] == "http.response.start":
            context.status = message["status"]
            headers = [(name, value) for name, value in message["headers"] if name != _REQUEST_ID]
            headers.append((_REQUEST_ID, context.request_id.encode()))
            message["headers"] = headers
            self._is_stream = is_event_stream(headers)
        elif body := message.get("body"):
            context.bytes_out += len(body)
            if context.first_byte is None:
                context.first_byte = time.perf_counter()
        await self._send(message)

    async def fail(self, error: GatewayError) -> None:
        """Respond with an error, unless a response has begun: then the server closes the connection."""
        self._context.error_reason = error.code
        if self._context.status:
            return
        body = error.body(self._context.request_id)
        named = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error.headers}
        encoded = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in named.items()]
        await self.send({"type": "http.response.start", "status": error.status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    async def interrupt(self, error: UpstreamInterruptedError) -> None:
        """End a stream of complete events with an error event; otherwise the server closes the connection."""
        if self._is_stream:
            event = b"data: " + error.body(self._context.request_id) + b"\n\n"
            await self.send({"type": "http.response.body", "body": event, "more_body": False})


def _request_id(headers: list[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == _REQUEST_ID and _VALID_ID.fullmatch(value):
            return value.decode("ascii")
    return os.urandom(16).hex()
