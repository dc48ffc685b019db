"""Names that the pinned LiteLLM accepts. The table is data/litellm.json, made by tools/refresh_litellm.py."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from typing import Any, cast


@cache
def names(block: str) -> frozenset[str]:
    """Return the names of a block of the table, such as `routerSettings`."""
    return frozenset(_table()[block])


def block(name: str) -> Any:
    """Return a block of the table as it is."""
    return _table()[name]


@cache
def guardrail_requirements() -> Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return what each guardrail requires: variables, each with the parameters that replace it."""
    found = cast("dict[str, list[list[Any]]]", _table()["guardrails"])
    return {kind: tuple((name, tuple(parameters)) for name, parameters in each) for kind, each in found.items()}


@cache
def value_forms(block: str) -> Mapping[str, str]:
    """Return the forms of values of a block, such as `integer` or `list`, by key; a key without one takes any value."""
    return cast("dict[str, str]", _table()["types"][block])


def guardrail_modes(kind: str) -> frozenset[str]:
    """Return the modes that a guardrail supports."""
    return frozenset(_table()["guardrailSupportedModes"].get(kind, _table()["guardrailModes"]))


def provider_of(model: str) -> str | None:
    """Return the provider of a model's name, as LiteLLM finds it without an address; None when it finds none."""
    prefix, slash, _ = model.partition("/")
    if slash and prefix in names("providers"):
        return prefix
    if model == "*" or any(part in model for part in ("ft:gpt-3.5-turbo", "ft:gpt-4")) or model.startswith("gpt-image"):
        return "openai"
    return _bare_models().get(model) or next(
        (provider for pattern, provider in _table()["providerPatterns"] if re.search(pattern, model)), None
    )


def version() -> str:
    """Return the version of LiteLLM that the table describes."""
    return cast("str", _table()["litellm"])


def nearest(name: str, known: Collection[str], cutoff: float = 0.8) -> str | None:
    """Return the known name that a misspelt one most likely means; None when it is like none of them."""
    folded = {_folded(one): one for one in sorted(known)}
    found = difflib.get_close_matches(_folded(name), list(folded), 1, cutoff)
    return folded[found[0]] if found else None


def _folded(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


@cache
def _bare_models() -> Mapping[str, str]:
    found = cast("dict[str, list[str]]", _table()["bareModels"])
    return {model: provider for provider, models in found.items() for model in models}


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "litellm.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
