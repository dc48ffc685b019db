"""The way to the LiteLLM proxy. See docs/decisions/0025-upstream-connections.md."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

from lisa_gateway.errors import GatewayError
from lisa_gateway.http_server import Body, Headers, HttpServer

if TYPE_CHECKING:
    from lisa_gateway.settings import Settings

__all__ = ["Body", "Headers", "Upstream"]

_PROBE_SECONDS = 2.0
# uvicorn, which LiteLLM runs on, closes a connection that was idle for 5 seconds; one that is about to be closed must
# not be taken for the next request.
_KEPT_SECONDS = 1.0


class Upstream(HttpServer):
    """Sends requests to LiteLLM, and answers from there. Enter it; leaving it ends the connections."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.litellm_url,
            subject="the model proxy",
            answer_timeout=settings.answer_timeout,
            connect_timeout=settings.connect_timeout,
            max_connections=settings.max_connections,
            kept_seconds=_KEPT_SECONDS,
        )
        self._key = b"Bearer " + settings.litellm_key.get_secret_value().encode() if settings.litellm_key else None

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
