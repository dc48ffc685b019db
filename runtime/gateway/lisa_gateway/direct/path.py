"""Which requests go to a model's own server, and what is sent there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_gateway.direct.body import LITELLMS, check_body, read_leniently, read_object, with_model, with_usage
from lisa_gateway.direct.server import ModelServer
from lisa_gateway.errors import UnsupportedParameterError
from lisa_gateway.model_operations import check_model_serves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lisa_gateway.answer import Answer
    from lisa_gateway.direct.keys import ModelKeys
    from lisa_gateway.http_server import Body
    from lisa_gateway.operations import Match
    from lisa_gateway.request_context import RequestContext
    from lisa_gateway.routing.current import Routing
    from lisa_gateway.routing.document import RoutedModel
    from lisa_gateway.settings import Settings

Headers = list[tuple[bytes, bytes]]

_TARGETS = {
    "chat": b"/v1/chat/completions",
    "completions": b"/v1/completions",
    "embeddings": b"/v1/embeddings",
}
_PATHS = frozenset(path for target in _TARGETS.values() for path in (target.decode(), target.decode()[3:]))
# What a model's server gets of a caller's headers; they have commands for some servers, such as which replica computes.
_FORWARDED = frozenset({b"accept", b"traceparent", b"tracestate", b"user-agent"})
_STREAMED = frozenset({"chat", "completions"})
"""Families whose streams report token counts on request; those of the other APIs always do."""

_REJECTED = 401
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class DirectRequest:
    """A request for a model's own server.

    Attributes:
        model: the model.
        target: path of the operation on its server.
        body: the body that is sent: the caller's, byte for byte, unless its server has another name for the model or
            the token counts of a stream are required.
        hides_usage: whether the gateway has asked for the event with the token counts, which the caller must not get.
    """

    model: RoutedModel
    target: bytes
    body: bytes
    hides_usage: bool = False


@dataclass(frozen=True, slots=True)
class LitellmRequest:
    """A request for LiteLLM.

    Attributes:
        body: the body that is sent: the caller's, unless the token counts of a stream are required.
        hides_usage: see `DirectRequest`.
    """

    body: Body
    hides_usage: bool = False


class DirectPath:
    """The servers of the models whose route is direct.

    Args:
        settings: the gateway's settings.
        routing: the routes in force.
        keys: the keys of the servers.
    """

    def __init__(self, settings: Settings, routing: Routing, keys: ModelKeys) -> None:
        self._settings = settings
        self._routing = routing
        self._keys = keys
        self._servers: dict[str, ModelServer] = {}

    def prepare(self, match: Match, body: Body, context: RequestContext) -> DirectRequest | LitellmRequest:
        """The request for a model's own server, or for LiteLLM; fills in `context.model`.

        Args:
            match: the operation, which the caller may use.
            body: the body, in one part if it is not an upload.
            context: the context of the request; its `content`, which is that of the body, is taken out.

        Raises:
            UnsupportedParameterError: the body has something that must not reach a model, the model is not in the
                routes, or its server does not have the operation.
        """
        # What the JSON holds is not kept while a stream runs.
        parsed, context.content = context.content, None
        content: dict[str, Any] | None = None
        if isinstance(body, bytes) and context.form_model is None:
            content = parsed if isinstance(parsed, dict) else read_object(body)
        readable = content
        if content is None and isinstance(body, bytes) and context.form_model is None:
            readable = read_leniently(body)
        model = self.identify(match, readable, context)
        if content is None or not isinstance(body, bytes):
            return LitellmRequest(body)
        operation = match.operation
        if model is None or not model.is_direct or operation.path not in _PATHS or not LITELLMS.isdisjoint(content):
            return _for_litellm(operation.group, body, content, context)
        check_body(body, content)
        if operation.group not in model.operations:
            check_model_serves(model.name, {model.mode}, operation)
            return _for_litellm(operation.group, body, content, context)
        return self._request(model, operation.group, body, content, context)

    def identify(self, match: Match, content: dict[str, Any] | None, context: RequestContext) -> RoutedModel | None:
        """The model that a request names, None for one that is not known yet or that LiteLLM alone knows.

        Args:
            match: the operation.
            content: what a JSON body holds.
            context: the context of the request, whose `model` is filled in.

        Raises:
            UnsupportedParameterError: the model is not in the routes.
        """
        # LiteLLM takes a model in the path before one in the body.
        named: object = None
        if "{model" in match.operation.path:
            named = match.parameter("model")
        elif context.form_model is not None:
            named = context.form_model.name
        elif content is not None:
            named = content.get("model")
        if not isinstance(named, str):
            return None
        table = self._routing.current
        model = table.find(named)
        if model is not None:
            context.model, context.scaled_service = model.name, model.scaled_service
        elif table.is_complete:
            raise UnsupportedParameterError(f"Unknown model {named!r}. Use a model listed by /models.")
        return model

    async def send(
        self, request: DirectRequest, headers: Iterable[tuple[bytes, bytes]], context: RequestContext
    ) -> Answer:
        """Send a request and wait for the head of the answer, which the caller closes.

        Args:
            request: the request.
            headers: the caller's headers.
            context: the context of the request.

        Raises:
            GatewayError: see `ModelServer.send` and `ModelKeys.get`.
        """
        answer = await self._send(request, request.body, headers, context)
        former = request.model.former_name
        if former and answer.status == _NOT_FOUND:
            # The model's stack is not updated yet. A server that does not know the model has done nothing.
            answer.close()
            answer = await self._send(request, with_model(request.body, former), headers, context)
        return answer

    async def _send(
        self, request: DirectRequest, body: bytes, headers: Iterable[tuple[bytes, bytes]], context: RequestContext
    ) -> Answer:
        server = self._server(request.model.address)
        caller = b"" if context.caller is None else context.caller.key
        sent = [header for header in headers if header[0] in _FORWARDED]
        sent += ((b"content-type", b"application/json"), (b"x-request-id", context.request_id.encode()))
        secret = request.model.key.secret if request.model.key else ""
        if not secret:
            return await server.send(request.target, headers=sent, body=body, caller=caller)
        key = await self._keys.get(secret)
        answer = await server.send(request.target, headers=_signed(sent, key), body=body, caller=caller)
        if answer.status == _REJECTED:
            # The model's stack has another key now.
            renewed = await self._keys.get(secret, rejected=key)
            if renewed != key:
                answer.close()
                answer = await server.send(request.target, headers=_signed(sent, renewed), body=body, caller=caller)
        return answer

    def close(self) -> None:
        """End the connections that are kept."""
        for server in self._servers.values():
            server.close()

    def _request(
        self, model: RoutedModel, group: str, body: bytes, content: dict[str, Any], context: RequestContext
    ) -> DirectRequest:
        body, hides_usage = _counted(group, body, content, context)
        if model.server_name:
            body = with_model(body, model.server_name)
        return DirectRequest(model, _TARGETS[group], body, hides_usage)

    def _server(self, address: str) -> ModelServer:
        server = self._servers.get(address)
        if server is None:
            used = {model.address for model in self._routing.current}
            for gone in self._servers.keys() - used:
                self._servers.pop(gone).close()
            server = self._servers[address] = ModelServer(address, self._settings)
        return server


def _for_litellm(group: str, body: bytes, content: dict[str, Any], context: RequestContext) -> LitellmRequest:
    # Where a provider reports nothing, LiteLLM counts with a tokenizer, and does not mark that.
    return LitellmRequest(*_counted(group, body, content, context))


def _counted(group: str, body: bytes, content: dict[str, Any], context: RequestContext) -> tuple[bytes, bool]:
    """The body, with the request for token counts where they are required; and whether the gateway has added it."""
    if context.counts_tokens and group in _STREAMED and (asked := with_usage(body, content)) is not None:
        return asked, True
    return body, False


def _signed(headers: Headers, key: bytes) -> Headers:
    return [*headers, (b"authorization", b"Bearer " + key)] if key else headers
