"""`/v2/serve`: requests go to a model's own server or to LiteLLM, and answers come back as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from lisa_gateway.access.admission import length_of
from lisa_gateway.access.lists import permitted_entries, send_permitted
from lisa_gateway.direct.answer_errors import model_error
from lisa_gateway.direct.model_list import LISTS, direct_models, listing, model_answer
from lisa_gateway.direct.path import DirectRequest, LitellmRequest
from lisa_gateway.disconnect import Disconnect
from lisa_gateway.errors import (
    ClientDisconnectedError,
    GatewayError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from lisa_gateway.event_stream import is_event_stream
from lisa_gateway.null_answer import begin_messages, check_not_null, litellm_error
from lisa_gateway.operations import Access, operations
from lisa_gateway.relay import relay
from lisa_gateway.request_context import RequestContext
from lisa_gateway.request_headers import forwardable, with_key
from lisa_gateway.scopes import require_scope
from lisa_gateway.upstream_errors import FIRST_ERROR_STATUS

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from lisa_gateway.access.admission import Admission
    from lisa_gateway.answer import Answer
    from lisa_gateway.http_server import Body
    from lisa_gateway.operations import Match
    from lisa_gateway.resources import Resources

PREFIX = "/v2/serve"
_PREFIX_BYTES = PREFIX.encode()
_MESSAGES = "messages"


class PassThrough:
    """The ASGI application behind `/v2/serve`."""

    def __init__(self) -> None:
        self._operations = operations()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            NotFoundError: there is no such path, or model.
            MethodNotAllowedError: the path exists with other methods.
            ForbiddenError: the operation is closed, or is for administrators and the caller is none, or the scopes of
                the caller's API token do not include it.
            UnsupportedParameterError: the query or the body has something that is not passed on.
            ModelForbiddenError: the caller may not use the model.
            LimitExceededError: a limit of the caller, or of its group, is reached.
            BudgetUnknownError: what is left of a token budget is not known.
            BusyError: too many requests for the model are in flight.
            ModelUnavailableError: the model's server is unreachable.
            UpstreamUnavailableError: LiteLLM is unreachable, or a server does not answer with HTTP.
            UpstreamTimeoutError: LiteLLM or the model's server does not respond in time.
            UpstreamError: LiteLLM or the model's server answers with an error.
            UpstreamCredentialsError: it rejects the gateway's key.
            UpstreamInterruptedError: an answer that is no stream of events is interrupted.
            ContentUnavailableError: the content of the request cannot be recorded, and must be.
            ClientDisconnectedError: the client has left.
        """
        context = RequestContext.of(scope)
        caller = context.caller
        is_admin = caller is not None and caller.is_admin
        match = self._operations.admit(scope["method"], _raw_path(scope), scope["query_string"], is_admin=is_admin)
        context.route = f"{PREFIX}{match.operation.path}"
        if match.operation.access is Access.INFERENCE:
            require_scope(caller, match.operation.group)
        # Ends the block when the client leaves or sends too much; it has no deadline otherwise.
        presence = asyncio.timeout(None)
        client = _Client(receive, presence, partial(_check_form, scope, match, context))
        disconnect = Disconnect.of(scope)
        try:
            async with presence:
                disconnect.on_disconnect(client.leave)
                await _pass_on(scope, match, await client.body(), send, context)
        except TimeoutError:
            # Leaving the block has cancelled what was under way.
            if client.failure is not None:
                raise client.failure from None
            raise ClientDisconnectedError from None
        finally:
            disconnect.forget()


async def _pass_on(scope: Scope, match: Match, body: Body, send: Send, context: RequestContext) -> None:
    resources: Resources = scope["state"]["resources"]
    operation = match.operation
    if operation.group == "models":
        resources.access.check_listed(context, match)
        if (content := model_answer(resources.routing.current, match, scope)) is not None:
            await _send_json(permitted_entries(content, resources.access.grant(context.caller)), send)
            return
    request: DirectRequest | LitellmRequest = LitellmRequest(body)
    context.counts_tokens = resources.access.counts_tokens(context.caller)
    if operation.access is Access.INFERENCE and scope["method"] == "POST":
        request = resources.direct.prepare(match, body, context)
    admission = await resources.access.admit(context, operation, length_of(scope["headers"], body))
    try:
        recorded = await resources.content.begin(admission, context, body)
        if isinstance(request, LitellmRequest) and recorded is not body:
            request = replace(request, body=recorded)
        await _exchange(scope, match, request, send, context=context, admission=admission)
    except (UpstreamTimeoutError, UpstreamUnavailableError):
        # A part of the body that could not be recorded has ended the connection.
        admission.check_recorded()
        raise
    finally:
        admission.settle()


def _check_form(scope: Scope, match: Match, context: RequestContext) -> None:
    """Check the model of an upload that goes on already, as soon as its field has come; LiteLLM waits for the end.

    Raises:
        ModelForbiddenError: the caller may not use it.
        UnsupportedParameterError: it is not in the routes.
    """
    if context.form_model is None or context.model or match.operation.access is not Access.INFERENCE:
        return
    resources: Resources = scope["state"]["resources"]
    if resources.direct.identify(match, None, context) is not None:
        resources.access.check_model(context.caller, context.model)


async def _exchange(
    scope: Scope,
    match: Match,
    request: DirectRequest | LitellmRequest,
    send: Send,
    *,
    context: RequestContext,
    admission: Admission,
) -> None:
    """Send an admitted request, and its answer."""
    resources: Resources = scope["state"]["resources"]
    is_direct = isinstance(request, DirectRequest)
    if isinstance(request, DirectRequest):
        answer = await resources.direct.send(request, scope["headers"], context)
    else:
        try:
            answer = await _to_litellm(scope, match, request.body, context, admission)
        except (UpstreamTimeoutError, UpstreamUnavailableError):
            if match.operation.path not in LISTS or not (models := direct_models(resources.routing.current)):
                raise
            await _send_json(permitted_entries(listing(models), admission.grant), send)
            return
    try:
        if answer.status >= FIRST_ERROR_STATUS:
            if isinstance(request, DirectRequest):
                raise await model_error(answer, request.model.closed)
            raise await litellm_error(answer, request.body)
        if admission.filters_list:
            await send_permitted(answer, admission, send)
            return
        begin = b""
        if not is_direct and scope["method"] == "POST":
            check_not_null(answer)
            if match.operation.group == _MESSAGES and is_event_stream(answer.headers):
                begin = await begin_messages(answer)
        await relay(answer, send, context, admission, hides_usage=request.hides_usage, begin=begin)
    finally:
        # Breaks the connection when the answer is not at its end, which cancels what the server does.
        answer.close()


async def _to_litellm(scope: Scope, match: Match, body: Body, context: RequestContext, admission: Admission) -> Answer:
    resources: Resources = scope["state"]["resources"]
    caller = b"" if context.caller is None else context.caller.key
    query = scope["query_string"]
    headers = resources.upstream.signed(forwardable(scope["headers"]), context.request_id) + admission.headers
    if match.operation.access is Access.ADMINISTRATION:
        headers = with_key(headers, resources.admin_key)
    await resources.pacing.turn(caller, context.work, resources.upstream.is_alive)
    target = match.path + b"?" + query if query else match.path
    return await resources.upstream.send(scope["method"], target, headers=headers, body=body, caller=caller)


class _Client:
    """The client's end of the connection: what it sends, and how the request ends before its answer has.

    Attributes:
        failure: why the request must not go on, while the client is there to be told.

    Args:
        receive: ASGI's.
        presence: the block in which the request runs.
        check: called after each part of a body that comes in parts; a `GatewayError` of it ends the request.
    """

    def __init__(self, receive: Receive, presence: asyncio.Timeout, check: Callable[[], None]) -> None:
        self._receive = receive
        self._presence = presence
        self._check = check
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
                self._check()
            except GatewayError as failure:
                # What the task that sends the body raises would be lost.
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


async def _send_json(content: bytes, send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})
