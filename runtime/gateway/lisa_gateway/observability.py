"""The outermost middleware: request ids, a log line and metrics for each request, and responses to errors."""

from __future__ import annotations

import logging
import os
import re
import time
from typing import TYPE_CHECKING

from lisa_gateway.errors import ClientDisconnectedError, GatewayError, UpstreamInterruptedError, error_body
from lisa_gateway.request_context import RequestContext
from lisa_gateway.request_log import RequestLog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lisa_gateway.metrics import Metrics

_REQUEST_ID = b"x-request-id"
_VALID_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_UNSUPPORTED_DATA = 1003

_log = logging.getLogger(__name__)


class ObservabilityMiddleware:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._request_log = RequestLog(metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, whatever is raised within."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _UNSUPPORTED_DATA})
            return
        if scope["type"] != "http":
            try:
                await self._app(scope, receive, send)
            finally:
                self._request_log.flush()
            return
        context = RequestContext(request_id=_request_id(scope["headers"]), began=time.perf_counter())
        context.attach(scope)
        answer = _Answer(send, context)
        try:
            await self._app(scope, receive, answer.send)
        except GatewayError as error:
            context.error_reason = error.code
            await answer.fail(error.status, error.body, error.headers)
        except UpstreamInterruptedError:
            context.error_reason = "upstream_broke_off"
        except ClientDisconnectedError:
            context.error_reason = "client_left"
        # The boundary of a request: what is wrong with one must not end the worker.
        except Exception:
            context.error_reason = "internal_error"
            _log.exception("request %s failed", context.request_id)
            body = error_body("The gateway failed.", kind="server_error", code="internal_error")
            await answer.fail(500, body, {})
        finally:
            method = scope["method"]
            self._request_log.add(context, method if method in _METHODS else "other")


class _Answer:
    """Sends the response: records the status and the time of the first byte, and adds the request id."""

    __slots__ = ("_context", "_send")

    def __init__(self, send: Send, context: RequestContext) -> None:
        self._send = send
        self._context = context

    async def send(self, message: Message) -> None:
        context = self._context
        if message["type"] == "http.response.start":
            context.status = message["status"]
            headers = [(name, value) for name, value in message["headers"] if name != _REQUEST_ID]
            headers.append((_REQUEST_ID, context.request_id.encode()))
            message["headers"] = headers
        elif context.first_byte is None and message.get("body"):
            context.first_byte = time.perf_counter()
        await self._send(message)

    async def fail(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Respond with an error, unless a response has begun: then the server closes the connection."""
        if self._context.status:
            return
        named = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        encoded = [(name.lower().encode(), value.encode()) for name, value in named.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def _request_id(headers: list[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == _REQUEST_ID and _VALID_ID.fullmatch(value):
            return value.decode("ascii")
    return os.urandom(16).hex()
