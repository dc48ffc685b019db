"""A model's server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.direct.circuit import Circuit
from lisa_gateway.errors import (
    BusyError,
    ModelUnavailableError,
    UpstreamConnectTimeoutError,
    UpstreamUnreachableError,
)
from lisa_gateway.http_server import Headers, HttpServer, StaleConnectionError

if TYPE_CHECKING:
    from lisa_gateway.answer import Answer
    from lisa_gateway.settings import Settings

# Shorter than the idle timeout of a model's load balancer, 600 seconds; one that it closes earlier all the same is
# noticed before an answer comes, and the request is sent again.
_KEPT_SECONDS = 15.0


class ModelServer:
    """Sends requests to one model's server, within its limit, and stops trying while it cannot be reached.

    Args:
        address: scheme, host and port.
        settings: the gateway's settings.
    """

    def __init__(self, address: str, settings: Settings) -> None:
        self._most = settings.max_model_requests
        self._circuit = Circuit()
        self._http = HttpServer(
            address,
            subject="the model's server",
            answer_timeout=settings.answer_timeout,
            stream_idle_timeout=settings.stream_idle_timeout,
            connect_timeout=settings.connect_timeout,
            max_connections=settings.max_model_requests,
            kept_seconds=_KEPT_SECONDS,
            on_open=self._circuit.has_worked,
        )
        self._in_flight = 0

    async def send(self, target: bytes, *, headers: Headers, body: bytes, caller: bytes) -> Answer:
        """Send a POST request and wait for the head of the answer, which the caller closes.

        It is sent again once, on a new connection, when the server has ended a connection that was kept before any byte
        of an answer: load balancers end such connections, and inference changes nothing that a second time could break.

        Raises:
            BusyError: too many requests for the model are in flight.
            ModelUnavailableError: its server takes no connection.
            UpstreamUnavailableError: it ends the connection without an answer, or sends what is not HTTP.
            UpstreamTimeoutError: it does not respond in time.
        """
        if self._in_flight >= self._most:
            raise BusyError(f"The model has {self._most} requests in flight (MAX_MODEL_REQUESTS); try again shortly.")
        if not self._circuit.may_try():
            raise ModelUnavailableError("The model's server is unreachable; try again shortly.")
        self._in_flight += 1
        try:
            answer = await self._send(target, headers, body, caller)
        except BaseException:
            self._in_flight -= 1
            raise
        answer.on_close(self._release)
        return answer

    def close(self) -> None:
        """End the connections that are kept."""
        self._http.close()

    def _release(self) -> None:
        self._in_flight -= 1

    async def _send(self, target: bytes, headers: Headers, body: bytes, caller: bytes) -> Answer:
        try:
            try:
                return await self._http.send("POST", target, headers=headers, body=body, caller=caller)
            except StaleConnectionError:
                return await self._http.send("POST", target, headers=headers, body=body)
        except (UpstreamUnreachableError, UpstreamConnectTimeoutError) as error:
            self._circuit.has_failed()
            raise ModelUnavailableError("The model's server is unreachable; try again shortly.") from error
