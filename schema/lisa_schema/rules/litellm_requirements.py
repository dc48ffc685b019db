"""Rules about what caches, callbacks, alerts and files in `litellmConfig` require."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.names import version
from lisa_schema.litellm.references import PREFIX, has_own_image, litellm_texts, resolve
from lisa_schema.litellm.requirements import Extension, Group, extensions, is_variable_set
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule

_ROOT: Final[Path] = ("litellmConfig",)
_SETTINGS: Final[Path] = (*_ROOT, "litellm_settings")
_ENVIRONMENT: Final = "restApiConfig.containerConfig.environment"
_LOGGING: Final = (
    *("callbacks", "success_callback", "failure_callback", "audit_log_callbacks", "service_callback"),
    "input_callback",
)
_ALERTS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "slack": (("SLACK_WEBHOOK_URL", "ALERTING_WEBHOOK_URL"), "alert_to_webhook_url"),
    "ms_teams": (("MS_TEAMS_WEBHOOK_URL",), ""),
    "webhook": (("WEBHOOK_URL",), ""),
    "email": (("SMTP_HOST",), ""),
}
"""Where alerts are sent to, by kind: variables of which one is enough, and a setting that replaces them."""

_BUCKETS: Final = {
    "s3": ("s3_callback_params", "s3_bucket_name"),
    "s3_v2": ("s3_callback_params", "s3_bucket_name"),
    "aws_sqs": ("aws_sqs_callback_params", "sqs_queue_url"),
}
"""Callbacks that are created without a destination, and write nothing: where it is set."""

_CACHES: Final = {"s3": "s3_bucket_name", "gcs": "gcs_bucket_name"}
_FILE_KEY: Final = re.compile(
    r"(?i)(^|_)(credentials|file|file_path|config_path|service_account|certificate(_path)?|certificate_file|"
    r"prompt_directory|prompt_dir)$"
)
_FILE_VARIABLES: Final = re.compile(
    r"GOOGLE_APPLICATION_CREDENTIALS|GCS_PATH_SERVICE_ACCOUNT|AZURE_CLIENT_CERTIFICATE_PATH|AZURE_FEDERATED_TOKEN_FILE"
    r"|OCI_KEY_FILE|[A-Z0-9_]+_(TOKEN|KEY|CREDENTIALS)_FILE"
)
_FILE: Final = re.compile(
    r"(file://)?(~|\.{0,2})/?([\w.@ -]+/)*[\w.@ -]+\.[A-Za-z0-9]{2,6}|(file://)?/([\w.@-]+/)+[\w.@-]+"
)
_HAS: Final = ("/etc/ssl/", "/etc/pki/", "/tmp/", "/dev/", "/proc/", "/opt/lisa/")  # noqa: S108  # of the image
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")


@rule("LISA595", "litellm-extension-complete", f"Set the variable in {_ENVIRONMENT}.")
def litellm_extension_complete(config: Config) -> Iterator[RuleViolation]:
    """A cache, a callback and an alert must have what they require; LiteLLM does not start, or omits them."""
    own = Severity.WARNING if has_own_image(config) else None
    settings = config.litellm_config.litellm_settings.model_extra or {}
    yield from _cache(config, settings, own)
    for key in _LOGGING:
        for index, name in enumerate(_items(settings.get(key))):
            if not isinstance(name, str):
                continue
            at: Path = (*_SETTINGS, key, index)
            found = extensions("callbackRequirements").get(name)
            if found is not None:
                yield from _missing(at, (f"The callback `{name}`", "LiteLLM omits it"), found, {}, config)
            if name in _BUCKETS:
                block, wanted = _BUCKETS[name]
                given = settings.get(block)
                if not (isinstance(given, Mapping) and given.get(wanted)):
                    message = f"The callback `{name}` requires {block}.{wanted}, and writes nothing without it."
                    yield RuleViolation(at, message, f"Set litellm_settings.{block}.{wanted}.", (), own)
    general = config.litellm_config.general_settings.model_extra or {}
    for index, kind in enumerate(_items(general.get("alerting"))):
        if not isinstance(kind, str) or kind not in _ALERTS:
            continue
        variables, setting = _ALERTS[kind]
        if not general.get(setting) and not any(is_variable_set(config, name) for name in variables):
            message = f"Alerts to `{kind}` require the variable {' or '.join(variables)}, and are not sent without it."
            fix = f"Set {_ENVIRONMENT}.{variables[0]} to the ARN of a secret."
            yield RuleViolation((*_ROOT, "general_settings", "alerting", index), message, fix, (), own)


@rule("LISA596", "litellm-file-present", "Write the content as a reference to a secret, or build a custom image.")
def litellm_file_present(config: Config) -> Iterator[RuleViolation]:
    """A file that `litellmConfig` names must be in the gateway's image, which has no files of the project."""
    own = has_own_image(config)
    places = [(path, resolve(config, text) or "") for path, text in litellm_texts(config) if _names_file(path)]
    variables = config.rest_api_config.container_config.environment
    at: Path = ("restApiConfig", "containerConfig", "environment")
    places += [((*at, name), text) for name, text in variables.items() if _FILE_VARIABLES.fullmatch(name)]
    for path, text in places:
        plain = text.strip()
        if not _FILE.fullmatch(plain) or plain.startswith((*_HAS, PREFIX, "os.environ")) or _MODULE.match(plain):
            continue
        if own:
            message = f"LISA cannot see whether your image has the file `{plain}`."
            yield RuleViolation(path, message, "Check that it does.", (), Severity.WARNING)
        else:
            message = f"The gateway's image does not have the file `{plain}`: LISA copies no files into it."
            yield RuleViolation(path, message)


def _cache(config: Config, settings: Mapping[str, Any], own: Severity | None) -> Iterator[RuleViolation]:
    if str(settings.get("cache")).strip().lower() not in {"true", "1", "yes", "on"}:
        return
    given = settings.get("cache_params")
    parameters: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    kind = str(parameters.get("type", "redis"))
    at: Path = (*_SETTINGS, "cache_params", "type") if "type" in parameters else (*_SETTINGS, "cache")
    found = extensions("cacheRequirements").get(kind)
    if found is not None:
        yield from _missing(at, (f"A cache of type `{kind}`", "LiteLLM does not start"), found, parameters, config)
    wanted = _CACHES.get(kind)
    if (
        wanted
        and not parameters.get(wanted)
        and not any(wanted in one.parameters for one in (found.needs if found else ()))
    ):
        message = f"A cache of type `{kind}` requires `{wanted}`, and stores nothing without it."
        yield RuleViolation(at, message, f"Set cache_params.{wanted}.", (), own)


def _missing(
    at: Path, named: tuple[str, str], extension: Extension, parameters: Mapping[str, Any], config: Config
) -> Iterator[RuleViolation]:
    """What an extension lacks; `named` is what it is, and what LiteLLM does without it."""
    (subject, effect), own = named, Severity.WARNING if has_own_image(config) else None
    if extension.module:
        if own is not None:
            message = f"{subject} requires the package {extension.module}: LISA cannot see whether your image has it."
            yield RuleViolation(at, message, "Check that it does.", (), own)
        else:
            message = f"{subject} requires the package {extension.module}, which the gateway's image lacks: {effect}."
            yield RuleViolation(at, message, "Remove it, or build a custom image that has the package.")
        return
    for group in extension.needs:
        if any(parameters.get(name) not in (None, "") for name in group.parameters):
            continue
        if any(is_variable_set(config, name) for name in group.variables):
            continue
        yield RuleViolation(at, f"{subject} requires {_words(group)} ({version()}): {effect}.", _fix(group), (), own)


def _words(group: Group) -> str:
    names = [*(f"`{name}`" for name in group.parameters[:2]), *(f"the variable {name}" for name in group.variables[:2])]
    return " or ".join(names)


def _fix(group: Group) -> str | None:
    if group.parameters:
        return f"Set cache_params.{group.parameters[0]}."
    return f"Set {_ENVIRONMENT}.{group.variables[0]}."


def _names_file(path: Path) -> bool:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    if path[:2] == (*_ROOT, "environment_variables"):
        return _FILE_VARIABLES.fullmatch(key) is not None
    return _FILE_KEY.search(key) is not None


def _items(value: Any) -> Sequence[Any]:
    return list(value) if isinstance(value, list | tuple) else []
