"""The outermost layer: request ids, one log line and the metrics of each request, and answers to what went wrong."""

from __future__ import annotations

import logging
import os
import re
import time
from typing import TYPE_CHECKING

from lisa_gateway.errors import BrokenAnswerError, ClientLeftError, GatewayError, error_body
from lisa_gateway.request_context import Exchange
from lisa_gateway.request_log import Reports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lisa_gateway.metrics import Metrics

_REQUEST_ID = b"x-request-id"
_VALID_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_UNSUPPORTED_DATA = 1003

_log = logging.getLogger(__name__)


class Observation:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._reports = Reports(metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens within."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _UNSUPPORTED_DATA})
            return
        if scope["type"] != "http":
            try:
                await self._app(scope, receive, send)
            finally:
                self._reports.flush()
            return
        exchange = Exchange(request_id=_request_id(scope["headers"]), began=time.perf_counter())
        exchange.attach(scope)
        answer = _Answer(send, exchange)
        try:
            await self._app(scope, receive, answer.send)
        except GatewayError as error:
            exchange.fault = error.code
            await answer.fail(error.status, error.body, error.headers)
        except BrokenAnswerError:
            exchange.fault = "upstream_broke_off"
        except ClientLeftError:
            exchange.fault = "client_left"
        # The boundary of a request: what is wrong with one must not end the worker.
        except Exception:
            exchange.fault = "internal_error"
            _log.exception("request %s failed", exchange.request_id)
            body = error_body("The gateway failed.", kind="server_error", code="internal_error")
            await answer.fail(500, body, {})
        finally:
            method = scope["method"]
            self._reports.add(exchange, method if method in _METHODS else "other")


class _Answer:
    """The way back to the client: notes the status and the first byte, and adds the request id."""

    __slots__ = ("_exchange", "_send")

    def __init__(self, send: Send, exchange: Exchange) -> None:
        self._send = send
        self._exchange = exchange

    async def send(self, message: Message) -> None:
        exchange = self._exchange
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            headers = [(name, value) for name, value in message["headers"] if name != _REQUEST_ID]
            headers.append((_REQUEST_ID, exchange.request_id.encode()))
            message["headers"] = headers
        elif exchange.first_byte is None and message.get("body"):
            exchange.first_byte = time.perf_counter()
        await self._send(message)

    async def fail(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answer with an error, unless an answer has begun: then the server breaks the connection."""
        if self._exchange.status:
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
