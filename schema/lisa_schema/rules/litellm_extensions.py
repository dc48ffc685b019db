"""Rules about what `litellmConfig` adds to LiteLLM: log callbacks, guardrails, and Python modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.names import guardrail_modes, guardrail_requirements, names, nearest, version
from lisa_schema.litellm.references import VariableSource, find_variable, has_own_image
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule

_ROOT: Final[Path] = ("litellmConfig",)
_SETTINGS: Final[Path] = (*_ROOT, "litellm_settings")
_LOGGING: Final = ("success_callback", "failure_callback", "audit_log_callbacks", "service_callback", "input_callback")
_ENTERPRISE: Final = frozenset(
    {
        *("llamaguard_moderations", "hide_secrets", "openai_moderations", "google_text_moderation"),
        *("llmguard_moderations", "blocked_user_check", "banned_keywords"),
    }
)
"""Callbacks of LiteLLM's enterprise package, which the gateway's image does not have."""

_OWN: Final = frozenset({"lisa_gateway", "lisa_oidc", "lisa_tokens"})
_REMOTE: Final = ("s3://", "gcs://")
_REQUIRED_BY_BEDROCK: Final = ("guardrailIdentifier", "guardrailVersion")


@rule("LISA530", "litellm-callback-known", "Write the name of a callback of LiteLLM.")
def litellm_callbacks(config: Config) -> Iterator[RuleViolation]:
    """A callback must be one that LiteLLM has, in a list; LiteLLM does not start with an unknown one in `callbacks`."""
    settings = config.litellm_config.litellm_settings.model_extra or {}
    own = (config.litellm_config.model_extra or {}).get("callback_settings")
    declared = frozenset(own) if isinstance(own, Mapping) else frozenset()
    for key, table in (("callbacks", "callbacks"), *((key, "logCallbacks") for key in _LOGGING)):
        at: Path = (*_SETTINGS, key)
        value = settings.get(key)
        if isinstance(value, str) and (key != "callbacks" or "." not in value):
            message = f"LiteLLM reads `{key}: {value}` as a module, and does not start."
            if key != "callbacks":
                message = f"LiteLLM reads `{key}: {value}` as a callback for each letter."
            yield RuleViolation(at, message, f"Write `[{value}]`.")
        for index, name in enumerate(_items(value)):
            known = names(table) | declared
            if isinstance(name, str) and name in _ENTERPRISE:
                message = f"`{name}` requires LiteLLM's enterprise package, which the gateway's image does not have."
                yield RuleViolation((*at, index), message, "Remove it.")
            elif isinstance(name, str) and "." not in name and name not in known:
                near = nearest(name, known)
                effect = "does not start" if key == "callbacks" else "ignores it"
                hint = f" Did you mean `{near}`?" if near else ""
                message = f"`{name}` is not a callback of LiteLLM {version()}, which {effect}.{hint}"
                yield RuleViolation((*at, index), message, f"Write `{near}`." if near else None)


@rule("LISA531", "litellm-module-installed", "Remove it, or build a custom image that has the module.")
def litellm_modules(config: Config) -> Iterator[RuleViolation]:
    """A Python module that `litellmConfig` names must be in the gateway's image; LiteLLM does not start without it."""
    for path, name in _modules(config):
        package = name.partition(".")[0]
        if "." not in name or name.startswith(_REMOTE) or package in names("imageModules") | _OWN:
            continue
        if has_own_image(config):
            message = f"LISA cannot see whether your image has the module `{name.rpartition('.')[0]}`."
            fix = "Check that it does; LiteLLM does not start without it."
            yield RuleViolation(path, message, fix, severity=Severity.WARNING)
        else:
            message = (
                f"The gateway's image does not have the module `{name.rpartition('.')[0]}`: LiteLLM does not start."
            )
            yield RuleViolation(path, message)


@rule("LISA532", "litellm-guardrail-complete", "Complete the guardrail.")
def litellm_guardrails(config: Config) -> Iterator[RuleViolation]:
    """A guardrail must be complete: LiteLLM does not start, or serves requests without it."""
    extra = config.litellm_config.model_extra or {}
    guardrails = _items(extra.get("guardrails"))
    known = {item.get("guardrail_name") for item in guardrails if isinstance(item, Mapping)}
    for index, item in enumerate(guardrails):
        at: Path = (*_ROOT, "guardrails", index)
        parameters = item.get("litellm_params") if isinstance(item, Mapping) else None
        if not isinstance(item, Mapping) or not isinstance(parameters, Mapping):
            yield RuleViolation(at, "A guardrail requires `guardrail_name` and `litellm_params`.")
            continue
        if not item.get("guardrail_name"):
            yield RuleViolation(
                at, "The guardrail has no `guardrail_name`, by which it is used.", "Set guardrail_name."
            )
        yield from _guardrail(config, (*at, "litellm_params"), parameters)
    for index, entry in enumerate(config.litellm_config.model_list):
        wanted = (entry.litellm_params.model_extra or {}).get("guardrails")
        for position, name in enumerate(_items(wanted)):
            if isinstance(name, str) and name not in known:
                near = nearest(name, {str(one) for one in known})
                path: Path = (*_ROOT, "model_list", index, "litellm_params", "guardrails", position)
                hint = f" Did you mean `{near}`?" if near else ""
                fix = f"Write `{near}`." if near else "Write the guardrail_name of an entry of guardrails."
                yield RuleViolation(path, f"There is no guardrail `{name}`.{hint}", fix)


def _guardrail(config: Config, at: Path, parameters: Mapping[str, Any]) -> Iterator[RuleViolation]:
    kind = parameters.get("guardrail")
    requirements = guardrail_requirements()
    if not isinstance(kind, str) or ("." not in kind and kind not in requirements):
        near = nearest(str(kind), requirements)
        hint = f" Did you mean `{near}`?" if near else ""
        fix = f"Write `{near}`." if near else f"Use one of: {', '.join(sorted(requirements))}."
        path = (*at, "guardrail") if "guardrail" in parameters else at
        yield RuleViolation(path, f"`{kind}` is not a guardrail of LiteLLM {version()}.{hint}", fix)
        return
    if kind in names("unavailableGuardrails"):
        message = f"`{kind}` requires a package that the gateway's image does not have: LiteLLM does not start."
        yield RuleViolation((*at, "guardrail"), message, "Remove the guardrail, or build a custom image.")
        return
    yield from _modes(at, kind, parameters.get("mode"))
    for variable, alternatives in requirements.get(kind, ()):
        given = any(parameters.get(name) is not None for name in alternatives)
        if not given and not (variable and _is_set(config, variable)):
            wanted = " or ".join(f"`{name}`" for name in alternatives) or f"the variable `{variable}`"
            fix = (
                f"Set {alternatives[0]}."
                if alternatives
                else f"Set {variable} in restApiConfig.containerConfig.environment."
            )
            yield RuleViolation(at, f"The guardrail `{kind}` requires {wanted}.", fix)
    for name in _REQUIRED_BY_BEDROCK if kind == "bedrock" else ():
        if not parameters.get(name):
            yield RuleViolation(at, f"The guardrail `{kind}` requires `{name}`.", f"Set {name}.")
    yield from _patterns(at, parameters.get("patterns") if kind == "litellm_content_filter" else None)
    entities = parameters.get("pii_entities_config")
    for name, action in (entities if isinstance(entities, Mapping) else {}).items():
        path = (*at, "pii_entities_config", name)
        if name not in names("piiEntities"):
            near = nearest(str(name), names("piiEntities"))
            hint = f" Did you mean `{near}`?" if near else ""
            fix = f"Write `{near}`." if near else "Use an entity of Presidio."
            yield RuleViolation(path, f"`{name}` is not an entity of LiteLLM {version()}.{hint}", fix)
        elif action not in names("piiActions"):
            yield RuleViolation(path, f"`{action}` is not an action on an entity.", "Write MASK or BLOCK.")


def _patterns(at: Path, patterns: Any) -> Iterator[RuleViolation]:
    """Prebuilt patterns of the content filter, without which LiteLLM serves requests without the guardrail."""
    for index, item in enumerate(_items(patterns)):
        if not isinstance(item, Mapping) or item.get("pattern_type", "prebuilt") != "prebuilt":
            continue
        name = item.get("pattern_name")
        known = names("contentFilterPatterns")
        if isinstance(name, str) and name not in known:
            near = nearest(name, known, 0.6)
            hint = f" Did you mean `{near}`?" if near else ""
            path: Path = (*at, "patterns", index, "pattern_name")
            fix = f"Write `{near}`." if near else f"Use one of: {', '.join(sorted(known))}."
            yield RuleViolation(path, f"`{name}` is not a pattern of LiteLLM {version()}.{hint}", fix)


def _modes(at: Path, kind: str, mode: Any) -> Iterator[RuleViolation]:
    supported = guardrail_modes(kind)
    if mode is None:
        yield RuleViolation(at, "The guardrail has no `mode`.", f"Set mode to one of: {', '.join(sorted(supported))}.")
    for path, name in _mode_names((*at, "mode"), mode):
        if name not in supported:
            near = nearest(str(name), supported)
            fix = f"Write `{near}`." if near else f"Use one of: {', '.join(sorted(supported))}."
            yield RuleViolation(path, f"The guardrail `{kind}` does not have the mode `{name}`.", fix)


def _mode_names(path: Path, mode: Any) -> Iterator[tuple[Path, Any]]:
    """A mode, a list of them, or modes by the tag of a request."""
    if isinstance(mode, Mapping):
        tags = mode.get("tags")
        for tag, value in (tags if isinstance(tags, Mapping) else {}).items():
            yield from _mode_names((*path, "tags", tag), value)
        if mode.get("default") is not None:
            yield from _mode_names((*path, "default"), mode["default"])
    elif isinstance(mode, list | tuple):
        for index, value in enumerate(mode):
            yield (*path, index), value
    elif mode is not None:
        yield path, mode


def _is_set(config: Config, name: str) -> bool:
    return find_variable(config, name).source is not VariableSource.NOWHERE


def _modules(config: Config) -> Iterator[tuple[Path, str]]:
    """Every value that LiteLLM imports as a Python module."""
    litellm = config.litellm_config
    settings, extra = litellm.litellm_settings.model_extra or {}, litellm.model_extra or {}
    found: list[tuple[Path, Any]] = []
    for key in ("callbacks", *_LOGGING):
        at: Path = (*_SETTINGS, key)
        found += [((*at, index), item) for index, item in enumerate(_items(settings.get(key)))]
    found.append(((*_SETTINGS, "callbacks"), settings.get("callbacks")))
    for key in ("post_call_rules", "pre_call_rules"):
        found.append(((*_SETTINGS, key), settings.get(key)))
    for index, item in enumerate(_items(settings.get("custom_provider_map"))):
        if isinstance(item, Mapping):
            found.append(((*_SETTINGS, "custom_provider_map", index, "custom_handler"), item.get("custom_handler")))
    for index, item in enumerate(_items(extra.get("guardrails"))):
        parameters = item.get("litellm_params") if isinstance(item, Mapping) else None
        if isinstance(parameters, Mapping):
            found.append(((*_ROOT, "guardrails", index, "litellm_params", "guardrail"), parameters.get("guardrail")))
    plugins = (litellm.router_settings.model_extra or {}).get("plugins")
    found += [((*_ROOT, "router_settings", "plugins", index), item) for index, item in enumerate(_items(plugins))]
    for index, item in enumerate(_items(extra.get("mcp_tools"))):
        if isinstance(item, Mapping):
            found.append(((*_ROOT, "mcp_tools", index, "handler"), item.get("handler")))
    yield from ((path, value) for path, value in found if isinstance(value, str))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
