"""`GET /models` from the routes, in the form that LiteLLM's has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from lisa_gateway.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lisa_gateway.operations import Match
    from lisa_gateway.routing.document import RoutedModel, RoutingTable

# What LiteLLM lists for every model of a server with OpenAI's API.
_CREATED = 1677610602
_OWNER = "openai"


LISTS = frozenset({"/models", "/v1/models"})
"""Paths of the list of models."""

_ONE = frozenset({"/models/{model_id}", "/v1/models/{model_id}"})


def model_answer(table: RoutingTable, match: Match, scope: Mapping[str, Any]) -> bytes | None:
    """The answer to a request for the list of models, or for one model; None for LiteLLM's.

    LiteLLM alone knows what there is about external models, and the options of its list.

    Args:
        table: the routes.
        match: the operation, of the group `models`.
        scope: the request.

    Raises:
        NotFoundError: no model has this name, and none is known to LiteLLM alone.
    """
    if match.operation.path in _ONE:
        name = match.parameter("model_id")
        model = table.find(name) if name else None
        if model is not None and model.is_direct:
            return orjson.dumps(entry(model))
        if model is None and not table.needs_litellm:
            raise NotFoundError(f"The model {name!r} does not exist. Use a model listed by /models.")
    elif match.operation.path in LISTS and not table.needs_litellm and _wants_plain(scope):
        return listing(table)
    return None


def _wants_plain(scope: Mapping[str, Any]) -> bool:
    """Whether a list has OpenAI's form without LiteLLM's options; clients of Anthropic's API get another one."""
    return not scope["query_string"] and all(name != b"anthropic-version" for name, _ in scope["headers"])


def entry(model: RoutedModel) -> dict[str, Any]:
    """A model, as both LiteLLM's list and its answer for one model have it."""
    return {
        "id": model.name,
        "object": "model",
        "created": _CREATED,
        "owned_by": _OWNER,
        **({"mode": model.mode} if model.mode else {}),
    }


def listing(models: Iterable[RoutedModel]) -> bytes:
    """The list of models."""
    return orjson.dumps({"data": [entry(model) for model in models], "object": "list"})


def direct_models(table: RoutingTable) -> list[RoutedModel]:
    """The models that can be used without LiteLLM."""
    return [model for model in table if model.is_direct]
