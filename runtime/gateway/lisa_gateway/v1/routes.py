"""The deprecated routes: they answer what LISA 2.x answered, from the models' servers or LiteLLM."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from lisa_gateway.answer import whole
from lisa_gateway.direct.answer_errors import model_error
from lisa_gateway.direct.path import DirectRequest, LitellmRequest
from lisa_gateway.disconnect import cancel_on_disconnect
from lisa_gateway.errors import GatewayError, UpstreamUnavailableError
from lisa_gateway.event_stream import is_event_stream
from lisa_gateway.null_answer import check_not_null, litellm_error
from lisa_gateway.operations import operations
from lisa_gateway.relay import parts_of
from lisa_gateway.request_context import RequestContext
from lisa_gateway.resources import Resources
from lisa_gateway.scopes import require_scope
from lisa_gateway.upstream_errors import FIRST_ERROR_STATUS
from lisa_gateway.v1 import generation
from lisa_gateway.v1.bodies import (
    Embedded,
    EmbeddingsRequest,
    Generated,
    GenerateRequest,
    ModelDescription,
    OpenAIModel,
    OpenAIModels,
    OpenAIRequest,
)
from lisa_gateway.v1.metered import MeteredAnswer

if TYPE_CHECKING:
    from lisa_gateway.access.admission import Admission
    from lisa_gateway.answer import Answer
    from lisa_gateway.upstream import Upstream
    from lisa_gateway.v1.registry import RegisteredModel

Kind = Literal["textgen", "embedding"]
_EVENTS = "text/event-stream"


def _resources(request: Request) -> Resources:
    found: Resources = request.state.resources
    return found


async def _in_scope(request: Request) -> None:
    """Check the scopes of an API token by the route that its request takes."""
    route = request.scope["route"].path
    require_scope(RequestContext.of(request.scope).caller, _FAMILIES.get(route, "models"))


_FAMILIES = {
    "/v1/generate": "completions",
    "/v1/generateStream": "completions",
    "/v1/embeddings": "embeddings",
    "/v1/openai/completions": "completions",
    "/v1/openai/chat/completions": "chat",
}
"""The family of operations that a route belongs to; the others list models."""

Given = Annotated[Resources, Depends(_resources)]
router = APIRouter(prefix="/v1", tags=["Deprecated: LISA 2.x"], deprecated=True, dependencies=[Depends(_in_scope)])


@router.get("/listModels")
async def list_models(
    request: Request, resources: Given, model_types: Annotated[list[Kind] | None, Query(alias="modelTypes")] = None
) -> dict[Kind, dict[str, list[str]]]:
    """Names of the hosted models, by type and provider."""
    wanted: list[Kind] = model_types or ["textgen", "embedding"]
    found: dict[Kind, dict[str, list[str]]] = {kind: {} for kind in wanted}
    for model in await _permitted(request, resources):
        if model.kind in found:
            found[model.kind].setdefault(model.provider, []).append(model.name)
    return found


@router.get("/describeModel")
async def describe_model(
    request: Request, resources: Given, provider: str, model_name: Annotated[str, Query(alias="modelName")]
) -> ModelDescription:
    """A hosted model."""
    model = await resources.registry.find(provider, model_name)
    resources.access.check_model(RequestContext.of(request.scope).caller, model.identifier)
    return _description(model)


@router.get("/describeModels")
async def describe_models(
    request: Request, resources: Given, model_types: Annotated[list[Kind] | None, Query(alias="modelTypes")] = None
) -> dict[Kind, dict[str, list[ModelDescription]]]:
    """The hosted models, by type and provider."""
    wanted: list[Kind] = model_types or ["textgen", "embedding"]
    found: dict[Kind, dict[str, list[ModelDescription]]] = {kind: {} for kind in wanted}
    for model in await _permitted(request, resources):
        if model.kind in found:
            found[model.kind].setdefault(model.provider, []).append(_description(model))
    return found


@router.post("/generate")
async def generate(request: Request, resources: Given, body: GenerateRequest) -> Generated:
    """Generate text."""
    model = await resources.registry.find(body.provider, body.model, "textgen")
    arguments = body.arguments.model_dump()
    answer = await _ask(
        request, "/completions", generation.completion_request(model, body.text, arguments, stream=False)
    )
    return Generated.model_validate(generation.generated(answer, body.text, arguments))


@router.post("/generateStream", response_class=StreamingResponse)
async def generate_stream(request: Request, resources: Given, body: GenerateRequest) -> Response:
    """Generate text, as server-sent events."""
    model = await resources.registry.find(body.provider, body.model, "textgen")
    arguments = body.arguments.model_dump()
    answer = await _open(
        request, "/completions", generation.completion_request(model, body.text, arguments, stream=True)
    )
    return StreamingResponse(generation.token_events(_parts(answer)), media_type=_EVENTS)


@router.post("/embeddings")
async def embed(request: Request, resources: Given, body: EmbeddingsRequest) -> Embedded:
    """Embed a text, or several."""
    model = await resources.registry.find(body.provider, body.model, "embedding")
    answer = await _ask(request, "/embeddings", generation.embedding_request(model, body.text, body.arguments))
    return Embedded.model_validate(generation.embeddings(answer))


@router.get("/openai/models")
async def openai_models(request: Request, resources: Given) -> OpenAIModels:
    """The hosted models that generate text, as OpenAI lists models."""
    models = await _permitted(request, resources)
    return OpenAIModels(data=[OpenAIModel(id=model.openai_id) for model in models if model.kind == "textgen"])


@router.post("/openai/completions")
async def openai_completions(request: Request, resources: Given, body: OpenAIRequest) -> Response:
    """OpenAI's completions."""
    return await _forward(request, resources, "/completions", body)


@router.post("/openai/chat/completions")
async def openai_chat_completions(request: Request, resources: Given, body: OpenAIRequest) -> Response:
    """OpenAI's chat completions."""
    return await _forward(request, resources, "/chat/completions", body)


async def _permitted(request: Request, resources: Resources) -> list[RegisteredModel]:
    """The hosted models that the caller may use."""
    grant = resources.access.grant(RequestContext.of(request.scope).caller)
    models = await resources.registry.models()
    return [model for model in models if grant is None or grant.permits(model.identifier)]


def _description(model: RegisteredModel) -> ModelDescription:
    return ModelDescription(
        provider=model.provider,
        modelName=model.name,
        modelType=model.kind,
        modelKwargs=generation.default_arguments(model.container),
        streaming=model.streaming,
    )


async def _forward(request: Request, resources: Resources, path: str, body: OpenAIRequest) -> Response:
    model = await resources.registry.find_openai(body.model)
    answer = await _open(request, path, body.model_dump(mode="json") | {"model": model.identifier})
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
    if is_event_stream(answer.headers):
        headers.pop("content-length", None)
    parts = parts_of(answer, RequestContext.of(request.scope).request_id)
    return StreamingResponse(parts, answer.status, headers=headers)


async def _open(request: Request, path: str, body: Mapping[str, Any]) -> MeteredAnswer:
    """Ask the model's own server, or LiteLLM; the answer is open still, and is not an error."""
    resources: Resources = request.state.resources
    context = RequestContext.of(request.scope)
    content = json.dumps(body).encode()
    context.content = dict(body)
    context.counts_tokens = resources.access.counts_tokens(context.caller)
    match = operations().find("POST", path.encode())
    assert match is not None  # noqa: S101  (a path of this module)
    prepared = resources.direct.prepare(match, content, context)
    context.model, context.route = body["model"], request.scope["route"].path
    admission = await resources.access.admit_model(context, match.operation.group, len(content))
    try:
        await resources.content.begin(admission, context, content)
        answer = await _send(resources, path, prepared, context=context, admission=admission)
    except BaseException:
        admission.settle()
        raise
    return MeteredAnswer(answer, admission, context, hides_usage=prepared.hides_usage)


async def _send(
    resources: Resources,
    path: str,
    prepared: DirectRequest | LitellmRequest,
    *,
    context: RequestContext,
    admission: Admission,
) -> Answer:
    if isinstance(prepared, DirectRequest):
        answer = await resources.direct.send(prepared, (), context)
        if answer.status >= FIRST_ERROR_STATUS:
            with closing(answer):
                raise await model_error(answer, prepared.model.closed)
        return answer
    upstream: Upstream = resources.upstream
    caller = b"" if context.caller is None else context.caller.key
    await resources.pacing.turn(caller, context.work, upstream.is_alive)
    headers = upstream.signed([(b"content-type", b"application/json")], context.request_id) + admission.headers
    answer = await upstream.send("POST", path.encode(), headers=headers, body=prepared.body)
    if answer.status >= FIRST_ERROR_STATUS:
        with closing(answer):
            raise await litellm_error(answer, prepared.body)
    try:
        check_not_null(answer)
    except GatewayError:
        answer.close()
        raise
    return answer


async def _ask(request: Request, path: str, body: Mapping[str, Any]) -> Any:
    async with cancel_on_disconnect(request.scope):
        with closing(await _open(request, path, body)) as answer:
            content = await whole(answer)
    try:
        return json.loads(content)
    except ValueError as error:
        raise UpstreamUnavailableError("The model proxy did not return JSON.") from error


async def _parts(answer: MeteredAnswer) -> AsyncIterator[bytes]:
    with closing(answer):
        while part := await answer.next_part():
            yield part
