"""`/v2/serve`: requests go to LiteLLM, and answers come back, as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NoReturn

from lisa_gateway.errors import ClientLeftError, ForbiddenError, GatewayError
from lisa_gateway.exchange import Exchange
from lisa_gateway.presence import until_gone
from lisa_gateway.proxy_administration import is_administration
from lisa_gateway.upstream import answer_headers, credential
from lisa_gateway.usage import UsageReader

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from lisa_gateway.resources import Resources
    from lisa_gateway.upstream import Answer, Body

PREFIX = "/v2/serve"
_PREFIX_BYTES = PREFIX.encode()

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
            ClientLeftError: the client has left.
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
                answer = await resources.upstream.send(
                    scope["method"], _target(scope), headers=headers, body=body, caller=credential(scope["headers"])
                )
                try:
                    await _relay(answer, send, exchange)
                finally:
                    # Breaks the connection when the answer is not at its end, which cancels what LiteLLM does.
                    answer.close()
        except TimeoutError:
            # Leaving the block has cancelled what was under way to LiteLLM.
            if client.failure is not None:
                raise client.failure from None
            raise ClientLeftError from None
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
                # What the task that sends the body raises, nobody would see.
                self.failure = failure
                await self._leave()
            if message["type"] == "http.disconnect":
                await self._leave()
            more = message.get("more_body", False)
            if part := message.get("body", b""):
                yield part
        self._start_watch()

    def _start_watch(self) -> None:
        self._watch = asyncio.create_task(until_gone(self._receive, self._presence))

    async def _leave(self) -> NoReturn:
        """End the request from within it."""
        self._presence.reschedule(0)
        while True:
            await asyncio.Event().wait()


def _target(scope: Scope) -> bytes:
    """Path and query for LiteLLM, as the client wrote them."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    target = raw.removeprefix(_PREFIX_BYTES) or b"/"
    return target + b"?" + scope["query_string"] if scope["query_string"] else target


async def _relay(answer: Answer, send: Send, exchange: Exchange) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer_headers(answer)})
    usage = UsageReader(answer.headers)
    more = True
    while more:
        part = await answer.next_part()
        usage.feed(part)
        more = not answer.is_at_end
        await send({"type": "http.response.body", "body": part, "more_body": more})
    exchange.prompt_tokens, exchange.completion_tokens = usage.tokens()
