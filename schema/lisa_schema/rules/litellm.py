"""Rules about the configuration of LiteLLM beyond its models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.names import names, nearest
from lisa_schema.models import Config, LitellmConfig
from lisa_schema.models.base import EnvironmentVariables
from lisa_schema.plain_data import texts
from lisa_schema.rules.environment import SECRET_ARN
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.secrets import is_secret

_EXPOSING: Final = (
    ("litellm_settings", "telemetry", "sends telemetry of LiteLLM"),
    ("litellm_settings", "set_verbose", "writes prompts and keys to the log"),
    ("router_settings", "set_verbose", "writes prompts and keys to the log"),
    ("general_settings", "store_prompts_in_spend_logs", "keeps every prompt in the database"),
)
_ON = ("true", "1", "yes", "on")

_OFF: Final = ("false", "0", "no", "off")
_PROTECTIONS: Final = {
    "ssl_verify": (
        "Certificates of model providers would not be verified.",
        "Set certificateAuthorityBundle to a file with your certificate authorities.",
    ),
    "user_url_validation": (
        "Callers could make the gateway request any address with URLs of images and files.",
        "Remove it, and list the required hosts in `user_url_allowed_hosts`.",
    ),
}
"""Protections that must not be off: what is wrong, and the fix."""

_REDIRECTIONS: Final = frozenset({"api_base", "base_url", "openai_api_base"})
_CLIENT_SIDE: Final = "configurable_clientside_auth_params"
_REMOTE_MODULES: Final = ("s3://", "gcs://")
"""How the address of a Python module begins that LiteLLM downloads and runs, wherever a module may be named.

Source: litellm/proxy/types_utils/utils.py, get_instance_fn.
"""
_SIGNS_IN: Final = "Remove it: the gateway authenticates callers; set `authConfig`."
_NO_DATABASE: Final = "Remove it: LiteLLM runs without a database, and models are added in the configuration."
_NO_ROUTES: Final = "Remove it: the gateway passes requests for inference only; add models to `model_list`."
_RESERVED: Final = (
    (
        _SIGNS_IN,
        "changes authentication",
        (
            *("custom_auth", "custom_auth_run_common_checks", "custom_key_*", "custom_sso", "custom_ui_sso_*"),
            *("custom_team_metadata_validate", "enable_jwt_auth", "litellm_jwtauth", "enable_oauth2_*"),
            *("oauth2_config_mappings", "litellm_key_header_name", "allow_user_auth", "role_permissions"),
            *("enforce_rbac", "service_account_settings", "dangerously_permit_weak_or_unset_master_key"),
            *("enable_claude_code_gateway", "claude_code_gateway_managed_settings", "use_x_forwarded_for"),
            *("forward_llm_provider_auth_headers", "disable_env_credential_login"),
            *("allow_cli_sso_*", "auto_redirect_ui_*", "trusted_proxy_ranges", "disable_responses_id_security"),
            *("allow_unmanaged_response_ids", "litellm_license"),
        ),
    ),
    (
        _NO_DATABASE,
        "enables LiteLLM's database or administration",
        (
            *("database_*", "store_model_in_db", "supported_db_objects", "allow_requests_on_db_unavailable"),
            *("control_plane_url", "ui_access_mode", "user_mcp_management_mode", "enable_mcp_registry"),
            *("proxy_config_reload_interval_seconds", "coordination_redis"),
        ),
    ),
    (
        _NO_ROUTES,
        "opens routes of LiteLLM",
        (
            *("pass_through_endpoints", "public_routes", "allowed_routes", "admin_only_routes", "plugins"),
            *("allow_public_health_readiness_details", "enable_drain_endpoint", "drain_endpoint_token"),
            *("enable_openai_websocket_passthrough", "allow_client_side_credentials", "mcp_*"),
            *("search_tool*", "enable_public_model_hub"),
        ),
    ),
)
"""Keys of general_settings that change what was reviewed, with `*` for any ending: fix, effect, keys."""


@rule("LISA380", "litellm-section-known", "Correct the name of the section.", Severity.WARNING)
def litellm_section_known(config: Config) -> Iterator[RuleViolation]:
    """Unknown `litellmConfig` sections must not be misspellings of known ones."""
    known = names("sections") | set(LitellmConfig.model_fields)
    for key in config.litellm_config.model_extra or {}:
        near = None if key in known else nearest(key, known)
        if near is not None:
            message = f"`{key}` is passed through to LiteLLM, which does not support it. Did you mean `{near}`?"
            yield RuleViolation(("litellmConfig", key), message, f"Write `{near}`.")


@rule("LISA381", "litellm-exposes", "Set it to false, unless this is intended.", Severity.WARNING)
def litellm_exposes(config: Config) -> Iterator[RuleViolation]:
    """LiteLLM settings must not expose prompts."""
    settings = config.litellm_config.model_dump()
    for section, key, effect in _EXPOSING:
        if str(settings[section].get(key)).strip().lower() in _ON:
            path: Path = ("litellmConfig", section, key)
            yield RuleViolation(path, f"`{key}: true` {effect}.")


@rule("LISA382", "litellm-setting-reserved", "Remove it.")
def litellm_setting_reserved(config: Config) -> Iterator[RuleViolation]:
    """The litellmConfig must not change authentication, routes, the database or the verification of certificates."""
    litellm = config.litellm_config
    for key, value in (litellm.general_settings.model_extra or {}).items():
        reserved = reserved_setting(key)
        if reserved is not None and value not in (None, False):
            fix, effect = reserved
            yield RuleViolation(("litellmConfig", "general_settings", key), f"`{key}` {effect}.", fix)
    root: Path = ("litellmConfig",)
    defaults = (litellm.router_settings.model_extra or {}).get("default_litellm_params")
    defaults_at: Path = (*root, "router_settings", "default_litellm_params")
    blocks: list[tuple[Path, Mapping[str, Any]]] = [
        ((*root, "general_settings"), litellm.general_settings.model_extra or {}),
        ((*root, "litellm_settings"), litellm.litellm_settings.model_extra or {}),
        (defaults_at, defaults if isinstance(defaults, dict) else {}),
    ]
    for path, block in blocks:
        yield from _unprotected(path, block)
    for path, block in blocks[1:]:
        for key in sorted(_REDIRECTIONS & set(block)):
            message = f"`{key}` changes the destination of requests for all models."
            yield RuleViolation((*path, key), message, "Set api_base in litellm_params of a model.")
    if "include" in (litellm.model_extra or {}):
        message = "`include` loads settings from other files, which are not reviewed."
        yield RuleViolation((*root, "include"), message, "Write the settings into litellmConfig.")
    for index, model in enumerate(litellm.model_list):
        blocks.append(((*root, "model_list", index, "litellm_params"), model.litellm_params.model_extra or {}))
        yield from _unprotected(*blocks[-1], only="ssl_verify")
    for path, block in blocks[2:]:
        if block.get(_CLIENT_SIDE):
            message = "Callers could choose the address and the key of requests."
            yield RuleViolation((*path, _CLIENT_SIDE), message, "Remove it.")


@rule("LISA384", "remote-module", "Remove it.")
def remote_modules(config: Config) -> Iterator[RuleViolation]:
    """LiteLLM must not download Python modules, which run in the gateway without a review."""
    variables = config.rest_api_config.container_config.environment
    sources: tuple[tuple[Path, Any], ...] = (
        (("litellmConfig",), config.litellm_config.model_dump()),
        (("restApiConfig", "containerConfig", "environment"), variables),
    )
    for path, value in (found for root, block in sources for found in texts(root, block)):
        if value.strip().startswith(_REMOTE_MODULES):
            message = f"LiteLLM would download `{value}` and run it as a Python module, without a review."
            fix = "Remove it; install the module in your own image, and refer to it as `package.module.instance`."
            yield RuleViolation(path, message, fix)


def _unprotected(path: Path, block: Mapping[str, Any], only: str = "") -> Iterator[RuleViolation]:
    """Find protections that a block of settings turns off, as LiteLLM reads their values."""
    for key, value in block.items():
        if key in _PROTECTIONS and only in ("", key) and str(value).strip().lower() in _OFF:
            yield RuleViolation((*path, key), *_PROTECTIONS[key])
        if key == "ssl_security_level":
            message = "Connections to model providers would be less secure than OpenSSL's default."
            yield RuleViolation((*path, key), message, "Remove it.")


@rule("LISA383", "master-key-reference", "Set it to os.environ/NAME, and set NAME to the ARN of a secret.")
def master_key_reference(config: Config) -> Iterator[RuleViolation]:
    """The master_key must be os.environ/NAME, with NAME a secret of the REST API's container or undefined."""
    key = config.litellm_config.general_settings.master_key
    at: Path = ("litellmConfig", "general_settings", "master_key")
    if key is None or is_secret(at, key):  # a secret is LISA390
        return
    prefix, slash, name = key.partition("/")
    if (prefix, slash) != ("os.environ", "/"):
        message = "`master_key` must be a reference, because the compiled output is committed."
        yield RuleViolation(at, message)
        return
    environments: tuple[tuple[Path, EnvironmentVariables], ...] = (
        (("litellmConfig", "environment_variables"), config.litellm_config.environment_variables),
        (("restApiConfig", "containerConfig", "environment"), config.rest_api_config.container_config.environment),
    )
    for (root, *rest), variables in environments:
        is_reference = root == "restApiConfig" and SECRET_ARN.match(variables.get(name, "")) is not None
        if name in variables and not is_reference:
            message = f"`{name}` is LiteLLM's master key, and must not be committed."
            fix = f"Set restApiConfig.containerConfig.environment.{name} to the ARN of a secret."
            yield RuleViolation((root, *rest, name), message, fix, (at,))


def reserved_setting(key: str) -> tuple[str, str] | None:
    """Return the fix for a key of general_settings and its effect; None when the configuration may set it."""
    return next(
        (
            (fix, effect)
            for fix, effect, patterns in _RESERVED
            if any(fnmatchcase(key.lower(), pattern) for pattern in patterns)
        ),
        None,
    )
