"""The way to the LiteLLM proxy. See docs/decisions/0025-upstream-connections.md."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

from lisa_gateway.errors import GatewayError, UpstreamUnavailableError
from lisa_gateway.http_server import Body, Headers, HttpServer

if TYPE_CHECKING:
    from lisa_gateway.answer import Answer
    from lisa_gateway.settings import Settings

__all__ = ["Body", "Headers", "Upstream"]

_PROBE_SECONDS = 2.0
# uvicorn, which LiteLLM runs on, closes a connection that was idle for 5 seconds; one that is about to be closed must
# not be taken for the next request.
_KEPT_SECONDS = 1.0


class Upstream:
    """Sends requests to LiteLLM, and answers from there. Enter it; leaving it ends the connections."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._address: str | None = settings.litellm_url
        self._server: HttpServer | None = self._connect(settings.litellm_url)
        self._earlier: dict[str, HttpServer] = {}
        self._key = b"Bearer " + settings.litellm_key.get_secret_value().encode() if settings.litellm_key else None

    async def __aenter__(self) -> Upstream:
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in (self._server, *self._earlier.values()):
            if server is not None:
                server.close()

    def switch(self, address: str | None) -> None:
        """Send requests that begin from now on to another LiteLLM; None where there is none."""
        if address == self._address:
            return
        if self._server is not None and self._address is not None:
            self._earlier[self._address] = self._server
        known = self._earlier.pop(address, None) if address is not None else None
        self._server = known or (None if address is None else self._connect(address))
        self._address = address

    def earlier_in_use(self) -> list[str]:
        """Addresses of earlier LiteLLMs on which requests are in flight."""
        for address, server in list(self._earlier.items()):
            if not server.is_in_use:
                server.close()
                del self._earlier[address]
        return list(self._earlier)

    async def send(
        self, method: str, target: bytes, *, headers: Headers, body: Body = None, caller: bytes = b""
    ) -> Answer:
        """Send a request and wait for the head of the answer; see `HttpServer.send`.

        Raises:
            UpstreamUnavailableError: no LiteLLM runs, since no model of the deployment needs it; or see there.
            GatewayError: see there.
        """
        if self._server is None:
            raise UpstreamUnavailableError("No model of this deployment serves this operation.")
        return await self._server.send(method, target, headers=headers, body=body, caller=caller)

    async def is_alive(self) -> bool:
        """Whether LiteLLM answers its liveness probe soon."""
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                with closing(await self.send("GET", b"/health/liveliness", headers=[])) as answer:
                    return answer.status == 200
        except (GatewayError, TimeoutError):
            return False

    def signed(self, headers: Headers, request_id: str) -> Headers:
        """Headers as LiteLLM gets them: with the gateway's key."""
        signed = [*headers, (b"x-request-id", request_id.encode())]
        if self._key is not None:
            signed.append((b"authorization", self._key))
        return signed

    def _connect(self, address: str) -> HttpServer:
        return HttpServer(
            address,
            subject="the model proxy",
            answer_timeout=self._settings.answer_timeout,
            stream_idle_timeout=self._settings.stream_idle_timeout,
            connect_timeout=self._settings.connect_timeout,
            max_connections=self._settings.max_connections,
            kept_seconds=_KEPT_SECONDS,
        )
