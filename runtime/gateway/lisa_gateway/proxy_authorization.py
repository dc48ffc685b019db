"""What LiteLLM asks before it serves a request: its `general_settings.custom_auth`.

This module runs in LiteLLM's process. The gateway has two keys for LiteLLM, made when the container starts: one that
reaches inference only, and one for administrators. LiteLLM's master key is never sent. What is decided here is decided
with the route that LiteLLM itself has chosen and the body that it has parsed, so that there is no other reading of a
request to exploit.
"""

from __future__ import annotations

import hmac
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import litellm
from litellm.proxy import proxy_server
from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth
from litellm.proxy.auth.auth_utils import get_request_route_template
from litellm.proxy.common_utils.http_parsing_utils import read_request_body
from litellm.types.router import GenericLiteLLMParams
from litellm.types.utils import all_litellm_params

from lisa_gateway.access.permitted_models import MODELS_HEADER, permits
from lisa_gateway.access.refusals import ModelForbiddenError
from lisa_gateway.errors import (
    LISA_CODE,
    ForbiddenError,
    GatewayError,
    UnauthorizedError,
    UnsupportedParameterError,
)
from lisa_gateway.model_operations import check_model_serves
from lisa_gateway.operations import CLOSED_BECAUSE, Access, Operation, operations
from lisa_gateway.request_fields import check_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_ROLES = {
    Access.INFERENCE: LitellmUserRoles.INTERNAL_USER,
    Access.ADMINISTRATION: LitellmUserRoles.PROXY_ADMIN,
}
# LiteLLM's own role check allows `/models` and treats the path of one model as administration.
_OPEN_TO_ADMINISTRATORS_ONLY = frozenset({"/models/{model_id}", "/v1/models/{model_id}"})
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


async def authorize(request: Request, api_key: str | None) -> UserAPIKeyAuth:
    """Decide whether a request of the gateway may be served.

    Raises:
        ProxyException: LiteLLM's error, with 401 for a key that is not the gateway's, 403 for an operation that the key
            does not reach, and 400 for a field of the body that callers may not set.
    """
    try:
        access = _access_of(api_key)
        operation = _operation(request)
        if operation.access is not Access.INFERENCE and operation.access is not access:
            raise ForbiddenError("The gateway's key has no access to this operation.")
        if operation.access is Access.INFERENCE and request.method not in _WITHOUT_BODY:
            await _check_body(request, operation)
    except GatewayError as error:
        raise ProxyException(
            message=str(error),
            type=error.kind,
            param=None,
            code=error.status,
            openai_code=error.code,
            provider_specific_fields={LISA_CODE: error.code},
        ) from None
    role = LitellmUserRoles.PROXY_ADMIN if operation.path in _OPEN_TO_ADMINISTRATORS_ONLY else _ROLES[access]
    return UserAPIKeyAuth(api_key=f"lisa-{access}", user_id=f"lisa-{access}", user_role=role)


def _access_of(key: str | None) -> Access:
    given = (key or "").removeprefix("Bearer ").encode()
    for variable, access in (
        ("LITELLM_KEY", Access.INFERENCE),
        ("LITELLM_ADMIN_KEY", Access.ADMINISTRATION),
    ):
        expected = os.environ.get(variable, "").encode()
        if expected and hmac.compare_digest(given, expected):
            return access
    raise UnauthorizedError("Unknown key.", given=bool(key))


def _operation(request: Request) -> Operation:
    template = get_request_route_template(request)
    if template:
        found = operations().with_template(request.method, template)
    else:
        # A mounted application has no route of its own.
        found = operations().with_template("MOUNT", str(request.scope["path"]).rstrip("/"))
    if found is None:
        raise ForbiddenError("The operation is not in operations.csv.")
    if found.access is Access.CLOSED:
        raise ForbiddenError(f"This operation is closed: {CLOSED_BECAUSE[found.group]}.")
    return found


async def _check_body(request: Request, operation: Operation) -> None:
    body: Any = await read_request_body(request)
    if not isinstance(body, dict) or (not body and (await request.body()).strip() not in (b"", b"{}")):
        raise UnsupportedParameterError("Send the body as a JSON object in UTF-8, or as a form.")
    check_fields(body, known_parameters())
    models = [model for model in (request.path_params.get("model"), body.get("model")) if model is not None]
    if not models:
        raise UnsupportedParameterError("Set 'model' to a model listed by /models.")
    for model in models:
        deployments = _deployments(model) if isinstance(model, str) else []
        if not deployments:
            # Some of LiteLLM's handlers would call the provider that the name stands for.
            raise UnsupportedParameterError(f"Unknown model {model!r}. Use a model listed by /models.")
        permitted = request.headers.get(MODELS_HEADER)
        if permitted is not None and not permits(permitted, model):
            raise ModelForbiddenError(model)
        modes = {(deployment.get("model_info") or {}).get("mode") or "" for deployment in deployments}
        check_model_serves(model, modes, operation)
        _check_conversation(body, deployments)


def _check_conversation(body: Mapping[str, Any], deployments: list[Mapping[str, Any]]) -> None:
    """Refuse what refers to an earlier answer of a model whose answers are not stored: it would be ignored."""
    if any((deployment.get("litellm_params") or {}).get("use_chat_completions_api") for deployment in deployments):
        for name in ("conversation", "previous_response_id"):
            if body.get(name) is not None:
                raise UnsupportedParameterError(
                    f"Remove {name!r}: responses of this model are not stored. Send the conversation in 'input'."
                )


def _deployments(model: str) -> list[Mapping[str, Any]]:
    router = proxy_server.llm_router
    return list((router.get_model_list(model_name=model) if router else None) or [])


@cache
def known_parameters() -> frozenset[str]:
    """The parameters that LiteLLM acts on itself, in lower case; a new version's new ones are refused until allowed."""
    names = {*all_litellm_params, *GenericLiteLLMParams.model_fields, *litellm.OPENAI_CHAT_COMPLETION_PARAMS}
    return frozenset(str(name).lower() for name in names)
