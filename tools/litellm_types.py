"""Forms of the values in LiteLLM's configuration file, from the types of its own models and functions.

The form of a value is `boolean`, `integer`, `number`, `text`, `list` or `mapping`. A type that several of them fit has
no form: any value counts. LiteLLM writes `float | str` where the text is a reference to a variable, so that this is a
number.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

_PLAIN: dict[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "text"}
_NUMBERS = {"integer", "number"}
# What a timeout may be in Python, and no configuration file can say.
_OBJECTS = {"Timeout"}


def forms(hints: Mapping[str, Any]) -> dict[str, str]:
    """Return the form of each name that has one.

    Args:
        hints: types by name; texts, as postponed annotations, are left out.
    """
    found = ((name, _form(hint)) for name, hint in sorted(hints.items()))
    return {name: form for name, form in found if form is not None and not name.startswith("_")}


def value_forms(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the forms that default values show, for names without a type."""
    found = (
        (name, next((form for kind, form in _ORDER if isinstance(value, kind)), None)) for name, value in values.items()
    )
    return {name: form for name, form in sorted(found) if form is not None and not name.startswith("_")}


_ORDER = ((bool, "boolean"), (int, "integer"), (float, "number"), (list, "list"), (dict, "mapping"))


def common_forms(blocks: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the forms of several declarations of one block, without the names on which they disagree."""
    found: dict[str, set[str]] = {}
    for block in blocks:
        for name, form in block.items():
            found.setdefault(name, set()).add(form)
    return {name: next(iter(each)) for name, each in sorted(found.items()) if len(each) == 1}


def _form(hint: Any) -> str | None:
    origin = typing.get_origin(hint)
    if origin is typing.Annotated or getattr(origin, "__name__", "") in {"Required", "NotRequired", "ReadOnly"}:
        return _form(typing.get_args(hint)[0])
    if origin is typing.Union or origin is types.UnionType:
        return _union(typing.get_args(hint))
    kind = origin or hint
    # An enumeration of texts has no form: LISA388 knows its values.
    if kind in _PLAIN or not isinstance(kind, type) or issubclass(kind, str):
        return _PLAIN.get(kind)
    if issubclass(kind, Mapping) or hasattr(kind, "model_fields"):
        return "mapping"
    return "list" if issubclass(kind, Sequence | set | frozenset) else None


def _union(parts: Iterable[Any]) -> str | None:
    kinds = [part for part in parts if part is not type(None) and getattr(part, "__name__", "") not in _OBJECTS]
    each = {_form(part) for part in kinds}
    if each <= _NUMBERS | {"text"} and each & _NUMBERS:
        return "number" if "number" in each else "integer"
    return each.pop() if len(each) == 1 else None


def types_of(special: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the forms of values by block.

    Args:
        special: settings that `load_config` treats separately, which have a form only if their default is a number.
    """
    import litellm
    from litellm.caching.caching import Cache
    from litellm.proxy._types import ConfigGeneralSettings
    from litellm.proxy.guardrails.init_guardrails import init_guardrails_v2
    from litellm.types import guardrails, router

    module = {name: hint for name, hint in _evaluated(vars(litellm)).items() if name not in special}
    # What it treats on its own is a number where the default is one.
    plain = {
        name: value
        for name, value in vars(litellm).items()
        if name == name.lower() and (type(value) in (int, float) if name in special else name not in module)
    }
    return {
        "sections": {
            **forms({"guardrails": typing.get_type_hints(init_guardrails_v2)["all_guardrails"]}),
            **dict.fromkeys(
                ("credential_list", "vector_store_registry", "search_tools", "mcp_tools", "prompts"), "list"
            ),
            "mcp_servers": "mapping",
        },
        "general_settings": forms(typing.get_type_hints(ConfigGeneralSettings)),
        "litellm_settings": {**value_forms(plain), **forms(module)},
        "router_settings": forms(typing.get_type_hints(litellm.Router.__init__)),
        "litellm_params": common_forms(
            (
                forms({name: field.annotation for name, field in router.LiteLLM_Params.model_fields.items()}),
                forms(typing.get_type_hints(router.LiteLLMParamsTypedDict)),
            )
        ),
        # What is passed to the provider as it is written.
        "request": common_forms((forms(_hints(litellm.completion)), forms(_hints(litellm.embedding)))),
        "model_info": forms({name: field.annotation for name, field in router.ModelInfo.model_fields.items()}),
        "cache_params": forms(typing.get_type_hints(Cache.__init__)),
        "retry_policy": forms(typing.get_type_hints(router.RetryPolicy)),
        "allowed_fails_policy": forms(typing.get_type_hints(router.AllowedFailsPolicy)),
        "guardrail_params": forms(
            {name: one.annotation for name, one in guardrails.LitellmParams.model_fields.items()}
        ),
    }


def _hints(function: Any) -> dict[str, Any]:
    """The types of a function's parameters that OpenAI's API defines; the others are LiteLLM's own."""
    from litellm.constants import OPENAI_CHAT_COMPLETION_PARAMS, OPENAI_EMBEDDING_PARAMS

    names = {*OPENAI_CHAT_COMPLETION_PARAMS, *OPENAI_EMBEDDING_PARAMS}
    hints = inspect.unwrap(function).__annotations__
    return {name: hint for name, hint in hints.items() if name in names and not isinstance(hint, str)}


def _evaluated(module: dict[str, Any]) -> dict[str, Any]:
    """The types of a module's variables; those that only type checkers can import are left out."""
    found = {}
    for name, hint in module["__annotations__"].items():
        try:
            found[name] = typing.get_type_hints(types.SimpleNamespace(__annotations__={name: hint}), module)[name]
        except (NameError, TypeError):
            continue
    return found
