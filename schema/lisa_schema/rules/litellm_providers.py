"""Rules about the providers of external models: the key, the address and the packages that LiteLLM requires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.entries import call_parameters
from lisa_schema.litellm.names import names, nearest, provider_of, version
from lisa_schema.litellm.references import has_own_image
from lisa_schema.litellm.requirements import (
    OF_OPENAI,
    Group,
    Provider,
    all_parameters,
    credentials,
    is_variable_set,
    providers,
)
from lisa_schema.litellm.routes import aws_route
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule

_ROOT: Final[Path] = ("litellmConfig",)
_ENVIRONMENT: Final = "restApiConfig.containerConfig.environment"
_OPENAI: Final = "api.openai.com"
_OWN_KEYS: Final = frozenset({"extra_headers", "headers", "default_headers", "oauth_token", "custom_credentials"})
"""Parameters that may have credentials of any provider."""

_ENTRA: Final = frozenset(
    {"azure_ad_token", "azure_ad_token_provider", "tenant_id", "client_secret", "azure_username", "azure_scope"}
)
"""Parameters with which LiteLLM gets a token of Microsoft Entra ID instead of a key of Azure."""


@rule("LISA592", "litellm-provider-complete", f"Set api_key to os.environ/NAME, and {_ENVIRONMENT}.NAME to a secret.")
def litellm_provider_complete(config: Config) -> Iterator[RuleViolation]:
    """An external model must have the key and the address that its provider requires; else every request fails."""
    own_image = has_own_image(config)
    for index, entry in enumerate(config.litellm_config.model_list):
        parameters = all_parameters(entry, config)
        at: Path = (*_ROOT, "model_list", index, "litellm_params", "model")
        name = str(parameters.get("custom_llm_provider") or provider_of(entry.litellm_params.model))
        provider = providers().get(name)
        if parameters.get("mock_response") or aws_route(call_parameters(entry, config)) is not None:
            continue
        if provider is None:
            if name in names("providers"):
                message = f"What `{name}` requires is unknown: LISA has not tried it with LiteLLM {version()}."
                trial = "Try a request with `lisa dev`, or before clients depend on it."
                yield RuleViolation(at, message, trial, (), Severity.WARNING)
            continue
        if provider.module:
            continue
        if entry.litellm_params.model == "*":
            yield from _any_provider(at, parameters, config)
            continue
        for message, fix, severity in _missing(name, provider, parameters, config):
            yield RuleViolation(at, message, fix, (), Severity.WARNING if own_image else severity)


@rule("LISA593", "litellm-provider-available", "Use another provider, or build a custom image that has the package.")
def litellm_provider_available(config: Config) -> Iterator[RuleViolation]:
    """The gateway's image must have the packages that the provider of an external model imports."""
    for index, entry in enumerate(config.litellm_config.model_list):
        parameters = all_parameters(entry, config)
        at: Path = (*_ROOT, "model_list", index, "litellm_params")
        name = str(parameters.get("custom_llm_provider") or provider_of(entry.litellm_params.model))
        provider = providers().get(name)
        if provider is None or not provider.module:
            continue
        key = "custom_llm_provider" if "custom_llm_provider" in parameters else "model"
        if has_own_image(config):
            message = f"`{name}` requires the package {provider.module}: LISA cannot see whether your image has it."
            yield RuleViolation((*at, key), message, "Check that it does.", (), Severity.WARNING)
        else:
            message = (
                f"`{name}` requires the package {provider.module}, which the gateway's image does not have: every "
                "request fails."
            )
            yield RuleViolation((*at, key), message)


@rule("LISA594", "litellm-credential-known", "Write the credential_name of an entry of credential_list.")
def litellm_credential_known(config: Config) -> Iterator[RuleViolation]:
    """`litellm_credential_name` must be in `credential_list`; LiteLLM sends requests without an unknown one."""
    known = credentials(config)
    for path, name in _credential_names(config):
        if name not in known:
            near = nearest(name, known)
            hint = f" Did you mean `{near}`?" if near else ""
            message = f"There is no credential `{name}` in credential_list: requests are sent without it.{hint}"
            yield RuleViolation(path, message, f"Write `{near}`." if near else None)


def _missing(
    name: str, provider: Provider, parameters: Mapping[str, Any], config: Config
) -> Iterator[tuple[str, str | None, Severity]]:
    """What a provider lacks: a message, a fix, and how certain it is."""
    for group in provider.needs:
        if not _is_given(group, name, parameters, config):
            message = f"`{name}` requires {group.words}, which is not set: every request fails in LiteLLM {version()}."
            yield message, _fix(group, parameters), Severity.ERROR
    own_address = bool(parameters.get("api_base") or parameters.get("base_url"))
    has_address = own_address or not provider.host or _is_given(provider.address, name, parameters, config)
    if not has_address and provider.is_local:
        message = f"`{name}` has no `api_base`: LiteLLM calls {provider.host}, the gateway's container itself."
        yield message, _fix(provider.address, parameters), Severity.ERROR
    elif not has_address and provider.host == _OPENAI and name not in OF_OPENAI:
        message = f"`{name}` has no `api_base`: LiteLLM {version()} would send the prompts to {_OPENAI}."
        yield message, _fix(provider.address, parameters), Severity.ERROR
    elif not has_address and provider.key and not _is_given(provider.key, name, parameters, config):
        certain = "which rejects it" if provider.is_listed else "and it is not known whether that accepts it"
        message = f"`{name}` has no {provider.key.words}: LiteLLM calls {provider.host} without a key, {certain}."
        yield message, _fix(provider.key, parameters), Severity.ERROR if provider.is_listed else Severity.WARNING


def _any_provider(at: Path, parameters: Mapping[str, Any], config: Config) -> Iterator[RuleViolation]:
    """`*` passes the model of a request on: some provider must have a key."""
    groups = [group for one in providers().values() for group in (*one.needs, one.key)]
    variables = {name for group in groups for name in group.variables}
    if parameters.get("api_key") or any(is_variable_set(config, name) for name in variables):
        return
    message = "`*` accepts models of every provider, and no key of any provider is set."
    yield RuleViolation(at, message, None, (), Severity.WARNING)


def _is_given(group: Group, name: str, parameters: Mapping[str, Any], config: Config) -> bool:
    if any(parameters.get(one) not in (None, "") for one in group.parameters):
        return True
    if any(is_variable_set(config, one) for one in group.variables):
        return True
    if "api_key" not in group.parameters:
        return "api_base" in group.parameters and parameters.get("base_url") is not None
    settings = config.litellm_config.litellm_settings.model_extra or {}
    if settings.get("api_key") or settings.get(f"{name}_key"):
        return True
    if name.startswith("azure") and (_ENTRA & parameters.keys() or settings.get("enable_azure_ad_token_refresh")):
        return True
    return "api_key" in group.parameters and bool(_OWN_KEYS & parameters.keys()) and not name.startswith("openai")


def _fix(group: Group, parameters: Mapping[str, Any]) -> str | None:
    if "api_base" in group.parameters:
        return "Set api_base to the base URL of the server."
    if "api_key" in group.parameters:
        if parameters.get("api_base") or parameters.get("base_url"):
            return (
                f"Set api_key to os.environ/NAME, and {_ENVIRONMENT}.NAME to a secret; for a server without keys, set "
                "`api_key: EMPTY`."
            )
        return None
    if group.parameters:
        return f"Set {group.parameters[0]} in litellm_params."
    return f"Set {_ENVIRONMENT}.{group.variables[0]}." if group.variables else None


def _credential_names(config: Config) -> Iterator[tuple[Path, str]]:
    for index, entry in enumerate(config.litellm_config.model_list):
        name = (entry.litellm_params.model_extra or {}).get("litellm_credential_name")
        if isinstance(name, str):
            yield (*_ROOT, "model_list", index, "litellm_params", "litellm_credential_name"), name
    extra = config.litellm_config.model_extra or {}
    for section in ("guardrails", "vector_store_registry", "search_tools"):
        items = extra.get(section)
        for index, item in enumerate(items if isinstance(items, list | tuple) else ()):
            parameters = item.get("litellm_params") if isinstance(item, Mapping) else None
            name = parameters.get("litellm_credential_name") if isinstance(parameters, Mapping) else None
            if isinstance(name, str):
                yield (*_ROOT, section, index, "litellm_params", "litellm_credential_name"), name
