"""Rules about the keys and values of `litellmConfig`: LiteLLM must have them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.names import names, nearest, version
from lisa_schema.litellm.references import PREFIX
from lisa_schema.models import Config, LitellmConfig
from lisa_schema.models.litellm import GeneralSettings, LitellmModel, LitellmSettings, ModelInfo, RouterSettings
from lisa_schema.rules.litellm import reserved_setting
from lisa_schema.rules.registry import RuleViolation, rule

_ROOT: Final[Path] = ("litellmConfig",)
_ALERTING: Final = frozenset({"email", "ms_teams", "sentry", "slack", "webhook"})
_STRATEGIES: Final = "routingStrategies"
_ENTRY: Final = frozenset({*LitellmModel.model_fields, "blocked", "access_groups"})


@rule("LISA387", "litellm-key-known", "Correct the name of the key, or remove it.")
def litellm_keys(config: Config) -> Iterator[RuleViolation]:
    """A key of `litellmConfig` must be one that LiteLLM reads; unknown keys are ignored by LiteLLM."""
    litellm = config.litellm_config
    settings = litellm.litellm_settings
    general = {key: value for key, value in _extra(litellm.general_settings).items() if reserved_setting(key) is None}
    router = _extra(litellm.router_settings)
    blocks: tuple[tuple[Path, Mapping[str, Any], Collection[str]], ...] = (
        ((*_ROOT, "litellm_settings"), _extra(settings), names("litellmSettings") | set(LitellmSettings.model_fields)),
        ((*_ROOT, "general_settings"), general, names("generalSettings") | set(GeneralSettings.model_fields)),
        ((*_ROOT, "router_settings"), router, names("routerSettings") | set(RouterSettings.model_fields)),
        *_inner(settings.model_extra or {}, router),
    )
    for path, block, known in blocks:
        for key in block:
            near = nearest(key, known)
            if key not in known:
                yield _unknown((*path, key), key, near, Severity.ERROR if near else Severity.WARNING)
    for key in _extra(litellm):
        if key not in names("sections") and nearest(key, names("sections") | set(LitellmConfig.model_fields)) is None:
            yield _unknown((*_ROOT, key), key, None, Severity.WARNING)
    yield from _model_keys(config)
    yield from _guardrail_keys(config)


@rule("LISA388", "litellm-value-known", "Correct the value.")
def litellm_values(config: Config) -> Iterator[RuleViolation]:
    """A value of `litellmConfig` must be one that LiteLLM accepts, where it has a list of them."""
    litellm = config.litellm_config
    router = _extra(litellm.router_settings)
    at: Path = (*_ROOT, "router_settings")
    if "routing_strategy" in router:
        yield from _choice((*at, "routing_strategy"), router["routing_strategy"], names(_STRATEGIES))
    for index, group in enumerate(_items(router.get("routing_groups"))):
        if isinstance(group, Mapping) and "routing_strategy" in group:
            known = names(_STRATEGIES) | {"priority"}
            yield from _choice((*at, "routing_groups", index, "routing_strategy"), group["routing_strategy"], known)
    yield from _choices(
        (*at, "optional_pre_call_checks"), router.get("optional_pre_call_checks"), names("preCallChecks")
    )
    general = _extra(litellm.general_settings)
    at = (*_ROOT, "general_settings")
    yield from _choices((*at, "alerting"), general.get("alerting"), _ALERTING | names("callbacks"))
    yield from _choices((*at, "alert_types"), general.get("alert_types"), names("alertTypes"))
    cache = _extra(litellm.litellm_settings).get("cache_params")
    if isinstance(cache, Mapping) and "type" in cache:
        yield from _choice((*_ROOT, "litellm_settings", "cache_params", "type"), cache["type"], names("cacheTypes"))


def _inner(
    settings: Mapping[str, Any], router: Mapping[str, Any]
) -> Iterator[tuple[Path, Mapping[str, Any], Collection[str]]]:
    """Blocks inside of the settings."""
    cache = settings.get("cache_params")
    if isinstance(cache, Mapping):
        yield (*_ROOT, "litellm_settings", "cache_params"), cache, names("cacheParams")
    at: Path = (*_ROOT, "router_settings")
    for key, table in (("retry_policy", "retryPolicy"), ("allowed_fails_policy", "allowedFailsPolicy")):
        if isinstance(router.get(key), Mapping):
            yield (*at, key), router[key], names(table)
    policies = router.get("model_group_retry_policy")
    if isinstance(policies, Mapping):
        for model, policy in policies.items():
            if isinstance(policy, Mapping):
                yield (*at, "model_group_retry_policy", model), policy, names("retryPolicy")


def _model_keys(config: Config) -> Iterator[RuleViolation]:
    """Providers take parameters of their own, and `model_info` whatever a team writes: only misspellings are found."""
    parameters = names("litellmParams") | names("providerParams")
    information = names("modelInfo") | set(ModelInfo.model_fields)
    for index, model in enumerate(config.litellm_config.model_list):
        at: Path = (*_ROOT, "model_list", index)
        blocks: tuple[tuple[Path, Mapping[str, Any], Collection[str]], ...] = (
            ((*at, "litellm_params"), _extra(model.litellm_params), parameters),
            ((*at, "model_info"), _extra(model.model_info) if model.model_info else {}, information),
            (at, _extra(model), _ENTRY),
        )
        for path, block, known in blocks:
            for key in block:
                near = None if key in known else nearest(key, known, 0.85)
                if near is not None:
                    yield _unknown((*path, key), key, near, Severity.WARNING)


def _guardrail_keys(config: Config) -> Iterator[RuleViolation]:
    known = names("guardrailParams")
    for index, guardrail in enumerate(_items((config.litellm_config.model_extra or {}).get("guardrails"))):
        block = guardrail.get("litellm_params") if isinstance(guardrail, Mapping) else None
        for key in block if isinstance(block, Mapping) else ():
            near = None if key in known else nearest(key, known, 0.85)
            if near is not None:
                yield _unknown((*_ROOT, "guardrails", index, "litellm_params", key), key, near, Severity.WARNING)


def _unknown(path: Path, key: str, near: str | None, severity: Severity) -> RuleViolation:
    meant = f" Did you mean `{near}`?" if near else ""
    message = f"LiteLLM {version()} ignores `{key}`.{meant}"
    return RuleViolation(path, message, f"Write `{near}`." if near else None, severity=severity)


def _choices(path: Path, value: Any, known: Collection[str]) -> Iterator[RuleViolation]:
    for index, item in enumerate(_items(value)):
        yield from _choice((*path, index), item, known)


def _choice(path: Path, value: Any, known: Collection[str]) -> Iterator[RuleViolation]:
    if isinstance(value, str) and (value in known or value.startswith(PREFIX)):
        return
    near = nearest(str(value), known)
    fix = f"Write `{near}`." if near else f"Use one of: {', '.join(sorted(known))}."
    yield RuleViolation(path, f"LiteLLM {version()} does not support `{value}` as `{_key(path)}`.", fix)


def _key(path: Path) -> str:
    return next(step for step in reversed(path) if isinstance(step, str))


def _extra(block: Any) -> Mapping[str, Any]:
    return block.model_extra or {}


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
