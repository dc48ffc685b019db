"""Rules about what LiteLLM routes to: fallbacks, aliases, what models are for, and times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_schema.connection_times import LOAD_BALANCER_IDLE_SECONDS
from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.entries import call_parameters
from lisa_schema.litellm.models import CHAT, mode_of
from lisa_schema.litellm.names import provider_of, version
from lisa_schema.models import Config, LitellmModel, ModelType
from lisa_schema.rules.registry import RuleViolation, rule

_ROOT: Final[Path] = ("litellmConfig",)
_FALLBACKS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_TIMEOUTS: Final = ("timeout", "stream_timeout", "request_timeout")
_UNSERVED: Final = {
    "mcp_servers": "MCP servers",
    "mcp_tools": "MCP tools",
    "agent_list": "agents",
    "agents": "agents",
    "search_tools": "search tools",
    "assistant_settings": "assistants",
    "files_settings": "files",
    "finetune_settings": "fine-tuning",
}
"""Sections of LiteLLM for operations to which the gateway has no route (docs/gateway.md)."""


@rule(
    "LISA546",
    "litellm-model-kind",
    "Set lisa_params.model_type and model_info.mode to what the model does.",
    Severity.WARNING,
)
def litellm_model_kind(config: Config) -> Iterator[RuleViolation]:
    """`model_type` should be what LiteLLM lists the model for: prompts to an embedding model fail, and the reverse."""
    for index, entry in enumerate(config.litellm_config.model_list):
        mode = _listed_mode(entry, config)
        if mode is None:
            continue
        kind = entry.lisa_params.model_type
        at: Path = (*_ROOT, "model_list", index, "lisa_params", "model_type")
        name = entry.litellm_params.model
        given = entry.model_info.mode if entry.model_info else None
        if kind is ModelType.EMBEDDING and mode != "embedding" and given in (None, "embedding"):
            message = f"`{name}` is a model for {_words(mode)} according to LiteLLM {version()}, not for embeddings."
            yield RuleViolation(at, message, "Write textgen.")
        elif kind is ModelType.TEXTGEN and mode not in CHAT and given in (None, *CHAT):
            message = f"`{name}` is a model for {_words(mode)} according to LiteLLM {version()}, not for chat."
            fix = "Write embedding, and remove streaming." if mode == "embedding" else f"Set model_info.mode: {mode}."
            yield RuleViolation(at, message, fix)


@rule("LISA597", "litellm-fallback-works", "Write a list of models that can answer the same requests.")
def litellm_fallback_works(config: Config) -> Iterator[RuleViolation]:
    """Fallbacks must be lists of models of the same kind, and an alias must name a model, not another alias."""
    router = config.litellm_config.router_settings.model_extra or {}
    settings = config.litellm_config.litellm_settings.model_extra or {}
    aliases = router.get("model_group_alias")
    names = aliases if isinstance(aliases, Mapping) else {}
    kinds = _kinds(config)
    for alias, target in names.items():
        text = target.get("model") if isinstance(target, Mapping) else target
        if isinstance(text, str) and text in names and text not in kinds:
            at: Path = (*_ROOT, "router_settings", "model_group_alias", alias)
            message = f"The alias `{alias}` names the alias `{text}`, and LiteLLM {version()} resolves one alias only."
            yield RuleViolation(at, message, "Write the name of a model.")
    for path, name, targets in _fallbacks(config, settings, router):
        if isinstance(targets, str):
            message = f"LiteLLM takes each letter of `{targets}` for a model."
            yield RuleViolation(path, message, f"Write `[{targets}]`.")
            continue
        for index, target in enumerate(targets if isinstance(targets, list | tuple) else ()):
            if not isinstance(target, str):
                continue
            pair = kinds.get(str(name)), kinds.get(target)
            if None not in pair and pair[0] != pair[1]:
                message = (
                    f"`{target}` is a model of type {pair[1]}, which cannot answer requests to `{name}`, {pair[0]}."
                )
                yield RuleViolation((*path, index), message)


@rule("LISA598", "litellm-timeout-effective", "Write at most 600.", Severity.WARNING)
def litellm_timeout_effective(config: Config) -> Iterator[RuleViolation]:
    """A timeout of LiteLLM beyond that of the load balancer has no effect on requests that wait for an answer."""
    litellm = config.litellm_config
    router = {**(litellm.router_settings.model_extra or {}), "timeout": litellm.router_settings.timeout}
    blocks: list[tuple[Path, Mapping[str, Any]]] = [
        ((*_ROOT, "litellm_settings"), litellm.litellm_settings.model_extra or {}),
        ((*_ROOT, "router_settings"), router),
    ]
    for index, entry in enumerate(litellm.model_list):
        blocks.append(((*_ROOT, "model_list", index, "litellm_params"), entry.litellm_params.model_extra or {}))
    for path, block in blocks:
        for key in _TIMEOUTS:
            seconds = _number(block.get(key))
            if seconds is not None and seconds > LOAD_BALANCER_IDLE_SECONDS:
                message = (
                    f"`{key}` of {seconds:g} s has no effect: the load balancer ends a request after "
                    f"{LOAD_BALANCER_IDLE_SECONDS} s without a byte of the answer."
                )
                yield RuleViolation((*path, key), message)


@rule("LISA599", "litellm-section-served", "Remove the section.", Severity.WARNING)
def litellm_section_served(config: Config) -> Iterator[RuleViolation]:
    """A section of LiteLLM for operations that the gateway does not serve has no effect."""
    for key, value in (config.litellm_config.model_extra or {}).items():
        if key in _UNSERVED and value:
            message = f"`{key}` has no effect: the gateway has no route to {_UNSERVED[key]} of LiteLLM."
            yield RuleViolation((*_ROOT, key), message)


def _listed_mode(entry: LitellmModel, config: Config) -> str | None:
    parameters = call_parameters(entry, config)
    model = str(parameters.get("model", ""))
    provider = str(parameters.get("custom_llm_provider") or provider_of(model))
    if parameters.get("api_base") and not provider.startswith("azure"):
        return None
    return mode_of(provider, model)


def _kinds(config: Config) -> dict[str, str]:
    """What each model is for, by its name; models of one name are of one kind."""
    found = {model.identifier: str(model.model_type) for model in config.ecs_models if model.deploy}
    for entry in config.litellm_config.model_list:
        mode = entry.model_info.mode if entry.model_info else None
        if mode in (None, "embedding", *CHAT):
            found[entry.model_name] = str(entry.lisa_params.model_type)
    return found


def _fallbacks(
    config: Config, settings: Mapping[str, Any], router: Mapping[str, Any]
) -> Iterator[tuple[Path, Any, Any]]:
    """Each model that has fallbacks, with the path of these."""
    blocks: list[tuple[Path, Any]] = [
        ((*_ROOT, section, key), block.get(key))
        for section, block in (("litellm_settings", settings), ("router_settings", router))
        for key in _FALLBACKS
    ]
    for path, value in blocks:
        for index, item in enumerate(value if isinstance(value, list | tuple) else ()):
            for name, targets in item.items() if isinstance(item, Mapping) and "model" not in item else ():
                yield (*path, index, name), name, targets
    for section, block in (("litellm_settings", settings), ("router_settings", router)):
        if isinstance(block.get("default_fallbacks"), str):
            yield (*_ROOT, section, "default_fallbacks"), "*", block["default_fallbacks"]
    for index, entry in enumerate(config.litellm_config.model_list):
        own = (entry.litellm_params.model_extra or {}).get("fallbacks")
        if isinstance(own, str | list | tuple):
            yield (*_ROOT, "model_list", index, "litellm_params", "fallbacks"), entry.model_name, own


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        return None


def _words(mode: str) -> str:
    return {"embedding": "embeddings"}.get(mode, mode.replace("_", " "))
