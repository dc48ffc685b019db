"""`/v2/serve`: requests go to LiteLLM, and answers come back, as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NoReturn

import aiohttp

from lisa_gateway.errors import BrokenAnswerError, ForbiddenError, GatewayError
from lisa_gateway.exchange import Exchange
from lisa_gateway.proxy_administration import is_administration
from lisa_gateway.upstream import Body, answer_headers
from lisa_gateway.usage import UsageReader

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from lisa_gateway.resources import Resources

PREFIX = "/v2/serve"

KNOWN_PATHS = frozenset(
    {
        "/audio/speech",
        "/audio/transcriptions",
        "/audio/translations",
        "/chat/completions",
        "/completions",
        "/embeddings",
        "/images/generations",
        "/models",
        "/moderations",
        "/rerank",
        "/responses",
    }
)
"""Paths that the log and the metrics tell apart; any other is passed through as well."""


class PassThrough:
    """The ASGI application behind `/v2/serve`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            ForbiddenError: it is LiteLLM's administration, and the caller is no administrator.
            UpstreamDownError: LiteLLM cannot be reached.
            UpstreamTimeoutError: it does not answer in time.
            BrokenAnswerError: it breaks its answer off.
        """
        exchange = Exchange.of(scope)
        path = scope["path"].removeprefix(PREFIX)
        exchange.route = f"{PREFIX}{path}" if path in KNOWN_PATHS else f"{PREFIX}/{{path}}"
        if is_administration(path) and not (exchange.caller and exchange.caller.is_admin):
            raise ForbiddenError("Only administrators may manage the model proxy.")
        resources: Resources = scope["state"]["resources"]
        headers = resources.upstream.forwarded(scope["headers"], exchange.request_id)
        # Ends the block when the client leaves or sends too much; it has no deadline otherwise.
        presence = asyncio.timeout(None)
        client = _Client(receive, presence)
        try:
            async with presence:
                body = await client.body()
                answer = await resources.upstream.send(scope["method"], _target(scope), headers=headers, body=body)
                # Closes the connection to LiteLLM when the answer is not at its end, which cancels what it does.
                async with answer:
                    await _relay(answer, send, exchange)
        except TimeoutError:
            # Leaving the block has cancelled what was under way to LiteLLM.
            if client.failure is not None:
                raise client.failure from None
            exchange.fault = "client_left"
        finally:
            client.forget()


class _Client:
    """The client's end of the connection: what it sends, and whether it is still there.

    Attributes:
        failure: why the request must not go on, while the client is there to be told.
    """

    def __init__(self, receive: Receive, presence: asyncio.Timeout) -> None:
        self._receive = receive
        self._presence = presence
        self._watch: asyncio.Task[None] | None = None
        self.failure: GatewayError | None = None

    async def body(self) -> Body:
        """The body: whole when it is all there already, in parts otherwise."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            await self._leave()
        first: bytes = message.get("body", b"")
        if message.get("more_body", False):
            return self._parts(first)
        self._start_watch()
        return first or None

    def forget(self) -> None:
        """Stop to watch."""
        if self._watch is not None:
            self._watch.cancel()

    async def _parts(self, first: bytes) -> AsyncIterator[bytes]:
        if first:
            yield first
        more = True
        while more:
            try:
                message = await self._receive()
            except GatewayError as failure:
                # aiohttp would take it for a fault of the connection to LiteLLM.
                self.failure = failure
                await self._leave()
            if message["type"] == "http.disconnect":
                await self._leave()
            more = message.get("more_body", False)
            if part := message.get("body", b""):
                yield part
        self._start_watch()

    def _start_watch(self) -> None:
        self._watch = asyncio.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._presence.reschedule(0)

    async def _leave(self) -> NoReturn:
        """End the request from within it."""
        self._presence.reschedule(0)
        while True:
            await asyncio.Event().wait()


def _target(scope: Scope) -> str:
    """Path and query for LiteLLM, as the client wrote them."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    target = raw.removeprefix(PREFIX.encode()) or b"/"
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    return target.decode("latin-1")


async def _relay(answer: aiohttp.ClientResponse, send: Send, exchange: Exchange) -> None:
    headers = answer_headers(answer)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    usage = UsageReader(answer.headers)
    try:
        async for part in answer.content.iter_any():
            usage.feed(part)
            await send({"type": "http.response.body", "body": part, "more_body": True})
    except (aiohttp.ClientError, OSError) as error:
        raise BrokenAnswerError from error
    exchange.prompt_tokens, exchange.completion_tokens = usage.tokens()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
