"""Rules about models in `litellmConfig`: providers that LiteLLM has, routes with permissions, names that exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.entries import call_parameters
from lisa_schema.litellm.names import names, nearest, provider_of, version
from lisa_schema.litellm.permissions import PERMISSIONS, Place, has_permissions
from lisa_schema.litellm.references import PREFIX
from lisa_schema.litellm.routes import AwsRoute, aws_route
from lisa_schema.models import Config, LitellmModel
from lisa_schema.regions import nearest_regions
from lisa_schema.regions import region as find_region
from lisa_schema.rules.registry import RuleViolation, rule

_ROOT: Final[Path] = ("litellmConfig",)
_FALLBACKS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_TABLE: Final = "docs/configure.md, section “Permissions of external models”"


@rule("LISA389", "litellm-model-exists", "Write the name of a hosted model or of an entry of model_list.")
def litellm_model_names(config: Config) -> Iterator[RuleViolation]:
    """A model that fallbacks, aliases and other settings name must exist: hosted, in model_list, or an alias."""
    known = _model_names(config)
    for path, name in _named_models(config):
        if isinstance(name, str) and not name.startswith(PREFIX) and not _exists(name, known):
            near = nearest(name, known, 0.7)
            hint = f" Did you mean `{near}`?" if near else ""
            off = any(model.identifier == name and not model.deploy for model in config.ecs_models)
            message = f"The model `{name}` is not deployed." if off else f"There is no model `{name}`.{hint}"
            yield RuleViolation(path, message, f"Write `{near}`." if near else None)


@rule("LISA533", "litellm-provider-known", "Begin with a provider of LiteLLM, such as openai/ or hosted_vllm/.")
def litellm_providers(config: Config) -> Iterator[RuleViolation]:
    """An external model must have a provider that LiteLLM knows; without one LiteLLM omits the model."""
    settings = config.litellm_config.litellm_settings.model_extra or {}
    handlers = settings.get("custom_provider_map")
    custom = (
        {item.get("provider") for item in handlers if isinstance(item, Mapping)}
        if isinstance(handlers, list)
        else set()
    )
    for index, entry in enumerate(config.litellm_config.model_list):
        parameters = call_parameters(entry, config)
        model, given = str(parameters.get("model", "")), parameters.get("custom_llm_provider")
        at: Path = (*_ROOT, "model_list", index, "litellm_params")
        providers = names("providers") | custom
        if given is not None:
            if given not in providers:
                yield _unknown_provider((*at, "custom_llm_provider"), str(given), str(given))
        elif (
            model
            and provider_of(model) is None
            and model.partition("/")[0] not in custom
            and not _known_endpoint(parameters.get("api_base"))
        ):
            yield _unknown_provider((*at, "model"), model.partition("/")[0] if "/" in model else "", model)


@rule("LISA534", "aws-route-known", f"Use a route of the table of permissions: {_TABLE}.")
def aws_routes(config: Config) -> Iterator[RuleViolation]:
    """A model in AWS must have a route that LISA has permissions for, and a Region that exists."""
    for at, entry, route in _aws_entries(config):
        name = call_parameters(entry, config).get("aws_region_name")
        if isinstance(name, str) and not name.startswith(("arn:", PREFIX)) and find_region(name) is None:
            close = nearest_regions(name, 1)
            fix = f"Write `{close[0]}`." if close else "Write the name of a Region, such as us-east-1."
            yield RuleViolation((*at[:-1], "aws_region_name"), f"There is no AWS Region `{name}`.", fix)
        if route.unknown:
            near = nearest(route.unknown, names("bedrockRoutes") | names("bedrockRegions"))
            hint = f" Did you mean `{near}`?" if near else ""
            message = (
                f"`{route.unknown}` in `{entry.litellm_params.model}` is neither a route nor a Region of LiteLLM "
                f"{version()}, which would call it as a part of the model.{hint}"
            )
            fix = f"Write `{near}`." if near else "Remove it, and set aws_region_name for a Region."
            yield RuleViolation(at, message, fix if route.provider == "bedrock" else "Write the name of the endpoint.")
        elif not has_permissions(route):
            known = sorted(key.partition("/")[2] for key in PERMISSIONS if key.startswith(f"{route.provider}/"))
            what = f"the route `{route.provider}/{route.route}`" if not known else f"`{route.target}`"
            yield RuleViolation(at, f"The table of permissions does not have {what}.")


@rule("LISA535", "aws-call-works", "Correct the model.", Severity.WARNING)
def aws_calls(config: Config) -> Iterator[RuleViolation]:
    """A model in AWS should be written so that LiteLLM can call it, in the partition of the deployment."""
    home = find_region(config.region)
    for at, entry, route in _aws_entries(config):
        if route.problem:
            yield RuleViolation(at, *route.problem)
        parameters = call_parameters(entry, config)
        name = str(parameters.get("aws_region_name") or route.region or config.region)
        place = Place(partition="", region="", account="").in_region(name)
        keys = {"aws_access_key_id", "aws_profile_name", "aws_web_identity_token", "api_key"}
        if home is not None and place.partition and place.partition != home.partition.id and not keys & set(parameters):
            message = f"{name} is in the partition {place.partition}, where the gateway's role has no permissions."
            yield RuleViolation(at, message, "Set credentials of that partition in litellm_params, as references.")


def _aws_entries(config: Config) -> Iterator[tuple[Path, LitellmModel, AwsRoute]]:
    for index, entry in enumerate(config.litellm_config.model_list):
        mode = entry.model_info.mode if entry.model_info else None
        route = aws_route(call_parameters(entry, config), str(entry.lisa_params.model_type), mode)
        if route is not None:
            yield (*_ROOT, "model_list", index, "litellm_params", "model"), entry, route


def _unknown_provider(path: Path, provider: str, model: str) -> RuleViolation:
    near = nearest(provider, names("providers")) if provider else None
    subject = f"`{provider}` is not a provider of" if provider else f"`{model}` has no provider that is known to"
    hint = f" Did you mean `{near}`?" if near else ""
    fix = f"Write `{near}/…`." if near else None
    return RuleViolation(path, f"{subject} LiteLLM {version()}, which omits the model.{hint}", fix)


def _known_endpoint(address: Any) -> bool:
    return isinstance(address, str) and any(endpoint in address for endpoint in names("knownEndpoints"))


def _model_names(config: Config) -> frozenset[str]:
    router = config.litellm_config.router_settings.model_extra or {}
    aliases = router.get("model_group_alias")
    settings = config.litellm_config.litellm_settings.model_extra or {}
    mapped = settings.get("model_alias_map")
    return frozenset(
        {
            *(model.identifier for model in config.ecs_models if model.deploy),
            *(entry.model_name for entry in config.litellm_config.model_list),
            *(aliases if isinstance(aliases, Mapping) else ()),
            *(mapped if isinstance(mapped, Mapping) else ()),
        }
    )


def _exists(name: str, known: frozenset[str]) -> bool:
    return name in known or any("*" in pattern and fnmatchcase(name, pattern) for pattern in known)


def _named_models(config: Config) -> Iterator[tuple[Path, Any]]:
    """Every model that a setting names, with the path of the name."""
    litellm = config.litellm_config
    router, settings = litellm.router_settings.model_extra or {}, litellm.litellm_settings.model_extra or {}
    for section, block in (("litellm_settings", settings), ("router_settings", router)):
        for key in _FALLBACKS:
            yield from _fallbacks((*_ROOT, section, key), block.get(key))
        yield from _list((*_ROOT, section, "default_fallbacks"), block.get("default_fallbacks"))
    aliases = router.get("model_group_alias")
    for alias, target in (aliases if isinstance(aliases, Mapping) else {}).items():
        at: Path = (*_ROOT, "router_settings", "model_group_alias", alias)
        yield (
            (*at, "model") if isinstance(target, Mapping) else at,
            (target.get("model") if isinstance(target, Mapping) else target),
        )
    for key in ("model_group_retry_policy", "model_group_affinity_config"):
        groups = router.get(key)
        for name in groups if isinstance(groups, Mapping) else ():
            yield (*_ROOT, "router_settings", key, name), name
    for index, group in enumerate(_items(router.get("routing_groups"))):
        if isinstance(group, Mapping):
            yield from _list((*_ROOT, "router_settings", "routing_groups", index, "models"), group.get("models"))
    general = litellm.general_settings.model_extra or {}
    at = (*_ROOT, "general_settings")
    yield (*at, "completion_model"), general.get("completion_model")
    key = "background_health_check_model_groups"
    yield from _list((*at, key), general.get(key))
    for index, entry in enumerate(litellm.model_list):
        extra = entry.litellm_params.model_extra or {}
        at = (*_ROOT, "model_list", index, "litellm_params")
        yield from _fallbacks((*at, "fallbacks"), extra.get("fallbacks"))
        for key in (key for key in extra if key.endswith("_router_default_model")):
            yield (*at, key), extra[key]


def _fallbacks(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """A list of mappings from a model to the models that are tried after it, or of these models alone."""
    for index, item in enumerate(_items(value)):
        if not isinstance(item, Mapping):
            yield (*path, index), item
        elif "model" in item:
            yield (*path, index, "model"), item["model"]
        else:
            for name, targets in item.items():
                if name != "*":
                    yield (*path, index, name), name
                yield from _list((*path, index, name), targets)


def _list(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    for index, item in enumerate(_items(value)):
        at: Path = (*path, index)
        yield ((*at, "model"), item.get("model")) if isinstance(item, Mapping) else (at, item)


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
