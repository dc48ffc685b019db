"""Models that the pinned LiteLLM lists, and what they are for. The table is data/litellm_models.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import cast

from lisa_schema.litellm.names import names
from lisa_schema.litellm.routes import base_model

CHAT = frozenset({"chat", "completion", "responses"})
"""Modes of models that answer prompts."""


def mode_of(provider: str, model: str) -> str | None:
    """Return what LiteLLM lists a model for, such as `chat` or `embedding`; None when it does not list it.

    Args:
        provider: LiteLLM's provider: `openai`.
        model: name of the model, with or without the provider.
    """
    known = _modes().get(provider, {})
    name = model.removeprefix(f"{provider}/")
    if provider == "bedrock":
        name = base_model(name)
    return known.get(name)


@cache
def bedrock_models() -> frozenset[str]:
    """Return the IDs of the foundation models of Amazon Bedrock that LiteLLM knows, without geographies."""
    return frozenset({*_modes()["bedrock"], *map(base_model, names("bedrockConverseModels"))})


@cache
def _modes() -> Mapping[str, Mapping[str, str]]:
    text = (resources.files("lisa_schema") / "data" / "litellm_models.json").read_text(encoding="utf-8")
    table = cast("dict[str, dict[str, list[str]]]", json.loads(text)["models"])
    return {
        provider: {name: mode for mode, names in modes.items() for name in names} for provider, modes in table.items()
    }
