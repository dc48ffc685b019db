"""`/v2/serve`: requests for LiteLLM's operations go to LiteLLM, and answers come back as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, NoReturn

from lisa_gateway.disconnect import Disconnect
from lisa_gateway.errors import ClientDisconnectedError, GatewayError
from lisa_gateway.operations import Access, operations
from lisa_gateway.relay import relay
from lisa_gateway.request_context import RequestContext
from lisa_gateway.request_headers import forwardable, with_key
from lisa_gateway.upstream_errors import error_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from lisa_gateway.resources import Resources
    from lisa_gateway.upstream import Body

PREFIX = "/v2/serve"
_PREFIX_BYTES = PREFIX.encode()


class PassThrough:
    """The ASGI application behind `/v2/serve`."""

    def __init__(self) -> None:
        self._operations = operations()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            NotFoundError: LiteLLM has no such path.
            MethodNotAllowedError: it has the path with other methods.
            ForbiddenError: the operation is closed, or is for administrators and the caller is none.
            UnsupportedParameterError: the query has a parameter that is not passed on.
            UpstreamUnavailableError: LiteLLM is unreachable.
            UpstreamTimeoutError: it does not respond in time.
            UpstreamError: it answers with an error.
            UpstreamCredentialsError: it rejects the gateway's key.
            UpstreamInterruptedError: it breaks an answer off that is no stream of events.
            ClientDisconnectedError: the client has left.
        """
        context = RequestContext.of(scope)
        caller = context.caller
        is_admin = caller is not None and caller.is_admin
        query = scope["query_string"]
        match = self._operations.admit(scope["method"], _raw_path(scope), query, is_admin=is_admin)
        context.route = f"{PREFIX}{match.operation.path}"
        target = match.path + b"?" + query if query else match.path
        resources: Resources = scope["state"]["resources"]
        headers = resources.upstream.signed(forwardable(scope["headers"]), context.request_id)
        if match.operation.access is Access.ADMINISTRATION:
            headers = with_key(headers, resources.admin_key)
        # Ends the block when the client leaves or sends too much; it has no deadline otherwise.
        presence = asyncio.timeout(None)
        client = _Client(receive, presence)
        disconnect = Disconnect.of(scope)
        try:
            async with presence:
                disconnect.on_disconnect(client.leave)
                body = await client.body()
                answer = await resources.upstream.send(
                    scope["method"], target, headers=headers, body=body, caller=b"" if caller is None else caller.key
                )
                try:
                    if answer.status >= 400:
                        raise await error_of(answer, body)
                    await relay(answer, send, context)
                finally:
                    # Breaks the connection when the answer is not at its end, which cancels what LiteLLM does.
                    answer.close()
        except TimeoutError:
            # Leaving the block has cancelled what was under way to LiteLLM.
            if client.failure is not None:
                raise client.failure from None
            raise ClientDisconnectedError from None
        finally:
            disconnect.forget()


class _Client:
    """The client's end of the connection: what it sends, and how the request ends before its answer has.

    Attributes:
        failure: why the request must not go on, while the client is there to be told.
    """

    def __init__(self, receive: Receive, presence: asyncio.Timeout) -> None:
        self._receive = receive
        self._presence = presence
        self.failure: GatewayError | None = None

    async def body(self) -> Body:
        """The body: whole when it is all there already, in parts otherwise."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            await self._wait_for_the_end()
        first: bytes = message.get("body", b"")
        if message.get("more_body", False):
            return self._parts(first)
        return first or None

    def leave(self) -> None:
        """End the request: the client has left."""
        self._presence.reschedule(0)

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
                await self._wait_for_the_end()
            if message["type"] == "http.disconnect":
                await self._wait_for_the_end()
            more = message.get("more_body", False)
            if part := message.get("body", b""):
                yield part

    async def _wait_for_the_end(self) -> NoReturn:
        """End the request from within it."""
        self._presence.reschedule(0)
        while True:
            await asyncio.Event().wait()


def _raw_path(scope: Scope) -> bytes:
    """The path below `/v2/serve` as the client wrote it."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.removeprefix(_PREFIX_BYTES)
