"""Where the gateway sends requests for each model: to the model's own server, or to LiteLLM, and why.

A hosted model's server speaks the API that clients use. LiteLLM is needed for external models, and for hosted ones
whose configuration asks for what it does. A setting that is not known to leave hosted models alone counts as one that
does not: a direct route must not pass a guardrail or a budget by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lisa_compiler.plan.images import BuiltImage
from lisa_compiler.plan.provenance import bare, following, unmarked
from lisa_compiler.plan.served_names import CHECK_NAMES, served_name
from lisa_schema.plain_data import texts
from lisa_schema.schedules import closed_text

if TYPE_CHECKING:
    from lisa_compiler.plan.deployment import Deployment
    from lisa_compiler.plan.service_plans import ModelKeyPlan, ModelPlan

EXTERNAL = "external model"

_OPERATIONS = MappingProxyType({"textgen": ("chat", "completions"), "embedding": ("embeddings",)})
_HARMLESS = MappingProxyType(
    {
        "credential_list": (),
        "environment_variables": (),
        "model_list": (),
        "general_settings": (
            *(
                "background_health_check*",
                "database_*",
                "disable_*",
                "health_check_*",
                "master_key",
                "store_model_in_db",
            ),
            *(
                "proxy_b*",
                "store_prompts_in_spend_logs",
                "ui_access_mode",
                "use_x_forwarded_for",
                "user_api_key_cache_*",
            ),
        ),
        "litellm_settings": (
            *("*_key", "*_models", "aiohttp_trust_env", "disable_aiohttp_*", "drop_params", "force_ipv4", "http2"),
            *("json_logs", "log_level", "log_raw_request_response", "modify_params", "model_cost*", "provider_url_*"),
            *("redact_*", "request_correlation_in_logs", "set_verbose", "ssl_*", "suppress_debug_info", "telemetry"),
            *("turn_off_message_logging", "use_chat_completions_url_for_anthropic_messages", "user_url_*", "vertex_*"),
        ),
        "router_settings": (
            *("allowed_fails*", "client_ttl", "cooldown_time", "debug_level", "disable_cooldowns", "max_fallbacks"),
            *("polling_interval", "redis_*", "retry_after", "routing_strategy*", "set_verbose"),
            *("ignore_invalid_deployments",),
        ),
    }
)
"""By section, settings that change nothing for a name with one hosted deployment; the others apply to all models."""

_NAMED_LISTS = frozenset({"content_policy_fallbacks", "context_window_fallbacks", "fallbacks"})
_NAMED_MAPS = frozenset({"model_group_alias", "model_group_retry_policy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRoute:
    """The route of a name that clients use.

    Attributes:
        name: the model's public name.
        reason: why LiteLLM, a clause; empty for a direct route.
        model_type: `textgen` or `embedding`; None for an external model that does not say.
        engine: what serves it; empty unless LISA hosts it.
        address: scheme and host of its server; empty unless the route is direct.
        operations: what its server answers itself, sorted; none unless the route is direct.
        server_name: what its server calls it, when that is not the public name.
        key: the key that its server requires; None for none.
        scaled_service: the service whose capacity follows its requests; empty for none.
        closed: when its schedule has no instances, for people; empty if it always has some.
        former_name: what its server calls it too, which one that an earlier version started knows alone.
    """

    name: str
    reason: str = ""
    model_type: str | None = None
    engine: str = ""
    address: str = ""
    operations: tuple[str, ...] = ()
    server_name: str = ""
    former_name: str = ""
    scaled_service: str = ""
    closed: str = ""
    key: ModelKeyPlan | None = None

    @property
    def is_direct(self) -> bool:
        """Whether requests go to the model's own server."""
        return not self.reason


def plan_model_routes(deployment: Deployment) -> tuple[ModelRoute, ...]:
    """Decide for each name that clients use, in the order in which LiteLLM lists them.

    Args:
        deployment: the plan, whose configuration may carry keys.
    """
    config = deployment.config.litellm_config.model_dump(mode="json", by_alias=True, exclude_none=True)
    settings = _Settings(config, unmarked(config))
    counts = Counter(
        [bare(model.name) for model in deployment.external_models]
        + [bare(name) for model in deployment.models for name in model.served_names]
    )
    routes = {
        bare(model.name): ModelRoute(name=model.name, reason=EXTERNAL, model_type=model.model_type)
        for model in deployment.external_models
    }
    for model in deployment.models:
        for name in model.served_names:
            shared = "another deployment has the same name" if counts[bare(name)] > 1 else ""
            reason = shared or settings.reason(bare(name))
            routes.setdefault(bare(name), _hosted(model, name, reason))
    for alias, target in settings.aliases():
        text = following(f"alias of {target} (`router_settings.model_group_alias`)", *settings.marked_names())
        routes.setdefault(alias, ModelRoute(name=alias, reason=text))
    return tuple(routes.values())


def server_name(model: ModelPlan) -> str:
    """The name that LiteLLM sends to a model's server."""
    return model.identifier if _serves_public_name_alone(model) else model.config.model_name


def _hosted(model: ModelPlan, name: str, reason: str) -> ModelRoute:
    kind, engine = bare(str(model.config.model_type)), bare(model.config.inference_container)
    route = ModelRoute(
        name=name,
        reason=reason,
        model_type=following(kind, str(model.config.model_type)),
        engine=engine,
        scaled_service=_scaled_service(model),
        key=model.key,
    )
    if reason:
        return route
    own_name = former = ""
    if name == model.identifier and engine in CHECK_NAMES and bare(name) != bare(model.config.model_name):
        if not (_has_own_entrypoint(model) and served_name(model.config)):
            own_name = model.config.model_name
        elif engine == "vllm":
            former = model.config.model_name
    return ModelRoute(
        name=name,
        model_type=route.model_type,
        engine=engine,
        address=model.url,
        operations=_OPERATIONS[kind],
        server_name=own_name,
        former_name=former,
        scaled_service=route.scaled_service,
        closed=_closed(model),
        key=model.key,
    )


def _scaled_service(model: ModelPlan) -> str:
    metric = model.config.auto_scaling_config.metric_config.gateway_metric
    return "" if metric is None else following(model.service.id, str(metric))


def _closed(model: ModelPlan) -> str:
    schedule = model.config.auto_scaling_config.schedule
    if schedule is None:
        return ""
    times = [text for window in schedule.windows for text in (window.start, window.stop)]
    return following(closed_text(unmarked(schedule)), schedule.time_zone, *times)


def _serves_public_name_alone(model: ModelPlan) -> bool:
    return (
        bare(model.config.inference_container) == "sglang"
        and _has_own_entrypoint(model)
        and bool(served_name(model.config))
    )


def _has_own_entrypoint(model: ModelPlan) -> bool:
    """Whether LISA's entrypoint starts the server, and so decides its names."""
    return isinstance(model.service.image, BuiltImage) and model.service.image.kind != "custom"


class _Settings:
    """`litellmConfig`, searched for what applies to a model.

    Args:
        config: its sections, which may carry keys.
        plain: the same without keys.
    """

    def __init__(self, config: Mapping[str, Any], plain: Mapping[str, Any]) -> None:
        self._config = config
        self._plain = plain
        self._for_all = next(self._applying_to_all(), "")

    def reason(self, name: str) -> str:
        """Why requests for a model must go to LiteLLM, empty when nothing asks for that."""
        if self._for_all:
            return self._for_all
        for place, key, value in self._settings():
            if key in _NAMED_LISTS | _NAMED_MAPS and name in _named(value):
                return self._follows(f"{place} names it", place)
        return ""

    def aliases(self) -> Iterator[tuple[str, str]]:
        """Names that LiteLLM replaces by others, each with the other."""
        aliases = self._plain.get("router_settings", {}).get("model_group_alias")
        for alias, target in aliases.items() if isinstance(aliases, Mapping) else ():
            yield alias, str(target.get("model", "")) if isinstance(target, Mapping) else str(target)

    def marked_names(self) -> list[str]:
        """The texts of the aliases, with their keys."""
        aliases = self._config.get("router_settings", {}).get("model_group_alias") or {}
        return [text for _, text in texts((), aliases)]

    def _applying_to_all(self) -> Iterator[str]:
        for place, key, value in self._settings():
            is_named = key in _NAMED_LISTS | _NAMED_MAPS and isinstance(value, list | Mapping)
            if not is_named or "*" in _named(value):
                yield self._follows(f"{place} applies to all models", place)

    def _settings(self) -> Iterator[tuple[str, str, Any]]:
        """What is set and not harmless: its place, as `` `section.key` ``, its key and its value."""
        for section, content in self._plain.items():
            harmless = _HARMLESS.get(section)
            if harmless == () or not content:
                continue
            if harmless is None or not isinstance(content, Mapping):
                yield f"`{section}`", section, content
                continue
            for key, value in content.items():
                if value not in (None, False, "", [], {}) and not any(fnmatchcase(key, each) for each in harmless):
                    yield f"`{section}.{key}`", key, value

    def _follows(self, text: str, place: str) -> str:
        section, _, key = place.strip("`").partition(".")
        content = self._config.get(section)
        value = content.get(key) if key and isinstance(content, Mapping) else content
        return following(text, *(found for _, found in texts((), value)), value)


def _named(value: Any) -> set[str]:
    """The models that a list of fallbacks, or a mapping by model, is for."""
    entries: Iterable[Any] = value if isinstance(value, list) else [value]
    return {name for entry in entries if isinstance(entry, Mapping) for name in entry}
