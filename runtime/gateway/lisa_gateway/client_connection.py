"""A client's connection: what uvicorn does with it, within limits that hold before anybody is authenticated."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lisa_gateway.disconnect import Disconnect
from lisa_gateway.errors import (
    GatewayError,
    HeadersTooLargeError,
    InvalidRequestError,
    SlowRequestError,
    TargetTooLongError,
    TooManyConnectionsError,
)
from lisa_gateway.gathering_transport import GatheringTransport

if TYPE_CHECKING:
    from lisa_gateway.client_connections import ClientConnections

_STATUS_LINES = {
    400: b"HTTP/1.1 400 Bad Request\r\n",
    408: b"HTTP/1.1 408 Request Timeout\r\n",
    414: b"HTTP/1.1 414 URI Too Long\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\n",
}
_VERSIONS = ("1.0", "1.1")
_HEALTH = b"/health"


class ClientConnection(HttpToolsProtocol):
    """What uvicorn makes for each connection; the class is given to it as `http`.

    The limits are those of `ClientConnections`, which the lifespan puts into the state of the application, and which
    looks at each connection once a second.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._limits: ClientConnections = self.app_state["connections"]
        self._disconnect = Disconnect()
        self._is_surplus = False
        self._is_refused = False
        self._has_head = False
        self._has_body = True
        self._unframed = 0  # Bytes since the parser last got something complete out of them.
        self._arrived = 0  # Bytes since `_since`.
        self._since = self.loop.time()  # Begin of what is waited for: a head, the progress of a body, a request.
        self._unsent = 0
        self._stuck_since: float | None = None  # Since when the client takes nothing of what is written.
        self._ending_since: float | None = None

    # What uvicorn and the parser call.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(GatheringTransport(transport, self.loop))
        self._is_surplus = not self._limits.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._limits.discard(self)
        super().connection_lost(exc)
        self._disconnect.set()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._is_refused:
            return
        self._unframed += len(data)
        self._arrived += len(data)
        super().data_received(data)
        # The parser keeps a header, or the size of a chunk, until its line is complete.
        if self._unframed > self._limits.max_unframed_bytes and not self._is_refused:
            if self._has_head:
                self._refuse(InvalidRequestError("The chunk headers of the body are longer than its content."))
            else:
                self._refuse(HeadersTooLargeError("The headers are too large; shorten them."))

    def on_message_begin(self) -> None:
        """See httptools."""
        if self._is_refused:
            return
        if self.is_serving:
            # Nothing may be written into the answer that is under way: this one is refused when that has ended.
            self._is_refused = True
            return
        self._has_head = self._has_body = False
        self._since = self.loop.time()
        super().on_message_begin()
        self._disconnect = Disconnect()
        self._disconnect.attach(self.scope)

    def on_url(self, url: bytes) -> None:
        """See httptools."""
        if self._is_refused:
            return
        super().on_url(url)
        limit = self._limits.max_target_bytes
        if len(self.url) > limit:
            self._refuse(TargetTooLongError(f"The path and the query are longer than {limit} bytes."))

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        if self._is_refused:
            return
        if self._has_head:
            self._refuse(InvalidRequestError("Trailers are not supported: send headers before the body."))
            return
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """See httptools."""
        if self._is_refused:
            return
        self._has_head = True
        self._unframed = self._arrived = 0
        self._since = self.loop.time()
        if self.parser.get_http_version() not in _VERSIONS:
            self._refuse(InvalidRequestError("The request must be HTTP/1.1 or HTTP/1.0."))
            return
        if self._is_surplus and self.url != _HEALTH and not self.url.startswith((_HEALTH + b"/", _HEALTH + b"?")):
            self._refuse(TooManyConnectionsError("The gateway has too many connections; try again."))
            return
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # The parser takes nothing more; uvicorn would keep the connection and warn of each packet.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self._unframed = 0
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._unframed = 0
        self._has_body = True
        if not self._is_refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        self._since = self.loop.time()
        self._arrived = 0
        super().on_response_complete()
        if self._is_refused:
            self._answer(
                InvalidRequestError("Pipelining is not supported: send a request after the previous response.")
            )

    def send_400_response(self, msg: str) -> None:
        """See uvicorn: what came is not HTTP, or not without doubt."""
        del msg
        self._refuse(InvalidRequestError("The request is not valid HTTP/1.1."))

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().pause_writing()
        self._stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().resume_writing()
        self._stuck_since = None

    # What `ClientConnections` calls.

    @property
    def is_serving(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def patience(self) -> tuple[bool, float]:
        """Which to end first when there are too many: one that never had a request, then what was idle longest."""
        return self.cycle is not None, self._since

    def drop(self) -> None:
        """End it at once, with what is not sent yet."""
        self.transport.abort()

    def enforce(self, now: float) -> None:
        """End it if the client lets the gateway wait for too long.

        Args:
            now: `loop.time()`.
        """
        if self._is_taken_slowly(now):
            self.drop()
        elif not self._has_head:
            if now - self._since > self._limits.head_timeout and not self._is_refused:
                self._end_head()
        elif not self._has_body:
            self._enforce_progress(now)
        elif not self.is_serving and now - self._since > self._limits.keep_alive:
            self.drop()

    def _is_taken_slowly(self, now: float) -> bool:
        limits = self._limits
        if self._ending_since is not None or self.transport.is_closing():
            self._ending_since = self._ending_since or now
            return now - self._ending_since > limits.linger
        if not self.flow.write_paused:
            # What is left of an answer can be less than what makes the server wait.
            unsent = self.transport.get_write_buffer_size()
            if not unsent or unsent < self._unsent:
                self._stuck_since = None
            elif self._stuck_since is None:
                self._stuck_since = now
            self._unsent = unsent
        return self._stuck_since is not None and now - self._stuck_since > limits.write_timeout

    def _end_head(self) -> None:
        if self._arrived:
            self._refuse(SlowRequestError(f"The headers did not arrive within {self._limits.head_timeout:g} seconds."))
        else:
            self.drop()

    def _enforce_progress(self, now: float) -> None:
        limits = self._limits
        if not self.is_serving:
            # The answer did not need the body; the client may take it before the connection ends.
            if now - self._since > limits.linger:
                self.drop()
        elif self.flow.read_paused:
            # The gateway has stopped reading because LiteLLM accepts no more, so this time does not count.
            self._since, self._arrived = now, 0
        elif now - self._since > limits.body_progress_timeout:
            if self._arrived < limits.min_body_bytes:
                self._refuse(SlowRequestError("The body arrives too slowly; send it again."))
            self._since, self._arrived = now, 0

    def _refuse(self, error: GatewayError) -> None:
        """Answer with an error and close; where an answer has begun, only close."""
        self._is_refused = True
        if self.is_serving:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._disconnect.set()
            if self.cycle.response_started:
                self.drop()
                return
        self._answer(error)

    def _answer(self, error: GatewayError) -> None:
        if self.transport.is_closing():
            return
        self._limits.count(error)
        body = error.body()
        headers = "".join(f"{name}: {value}\r\n" for name, value in error.headers.items() if name != "Connection")
        head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}connection: close\r\n\r\n"
        self.transport.write(_STATUS_LINES[error.status] + head.encode() + body)
        # To close while the client still sends would reset the connection, and the client would not see the answer.
        self._ending_since = self.loop.time()
        self.flow.resume_reading()
        self.transport.write_eof()
