"""Rules about references in `litellmConfig`: each must be to a variable that the gateway's container has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.entries import PLAIN_KEYS
from lisa_schema.litellm.names import nearest
from lisa_schema.litellm.references import (
    PREFIX,
    SET_BY_LISA,
    VariableSource,
    find_variable,
    is_secret_arn,
    litellm_texts,
)
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.settable_variables import GATEWAY
from lisa_schema.variable_ownership import owned_variable

_ENVIRONMENT: Final[Path] = ("restApiConfig", "containerConfig", "environment")
_VARIABLES: Final[Path] = ("litellmConfig", "environment_variables")
_OTHER_FORMS: Final = re.compile(
    r"(\$\{?(?P<a>[A-Za-z_]\w*)\}?|os\.environ[.\[(]+(?:get\()?['\"]?(?P<b>\w+)['\"]?[\])]*|os\.getenv\(['\"]?(?P<c>\w+)['\"]?\)"
    r"|(?:environ|env|os\.env|os_environ|os\.environment)[/:](?P<d>[A-Za-z_]\w*)|\$\{\{?\s*(?:env|secrets)\.(?P<e>\w+)\s*\}\}?)\Z"
)
_CREDENTIAL: Final = re.compile(r"(?i)(^|_)(key|token|secret|password|credentials?)$")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FREE_TEXT: Final = frozenset({"description", "text", "content", "prompt", "system_prompt", "advisory_system_message"})


@rule(
    "LISA385",
    "litellm-variable-set",
    "Set restApiConfig.containerConfig.environment.NAME to the value, or to the ARN of a secret.",
)
def litellm_variables(config: Config) -> Iterator[RuleViolation]:
    """A variable that `litellmConfig` refers to must be set in the environment of the gateway's container."""
    for path, text in litellm_texts(config):
        name = text.removeprefix(PREFIX)
        if name == text or not _NAME.match(name):
            continue
        source = find_variable(config, name).source
        if source is VariableSource.NOWHERE:
            yield RuleViolation(
                path, f"`{name}` is not set, so that LiteLLM gets no value.{_hint(config, name)}", _fix(name, path)
            )
        elif source is VariableSource.IMAGE:
            message = f"`{name}` is not set in the configuration; LISA cannot see whether your image sets it."
            yield RuleViolation(path, message, _fix(name, path), severity=Severity.WARNING)


@rule("LISA386", "litellm-reference-form", "Write os.environ/NAME as the complete value.")
def litellm_reference_forms(config: Config) -> Iterator[RuleViolation]:
    """A reference in `litellmConfig` must be os.environ/NAME, as the complete value of a key."""
    for path, text in litellm_texts(config):
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        other = _OTHER_FORMS.match(text.strip())
        if text.startswith(PREFIX):
            if not _NAME.match(text.removeprefix(PREFIX)):
                message = f"`{text}` does not name an environment variable."
                yield RuleViolation(
                    path, message, "Write os.environ/ and the name of the variable, without anything else."
                )
            elif isinstance(path[-1], int) and path[-2:-1] != ("organization",):
                message = f"LiteLLM does not replace `{text}` in a list."
                yield RuleViolation(path, message, "Write the value itself.")
        elif other is not None:
            name = next(found for found in other.groupdict().values() if found)
            message = f"LiteLLM does not replace `{text.strip()}`."
            yield RuleViolation(path, message, f"Write {PREFIX}{name}.")
        elif PREFIX in text and key not in _FREE_TEXT:
            message = f"LiteLLM does not replace a reference inside of a text, such as `{key}`."
            fix = f"Set a variable to the complete text, and write {PREFIX}NAME alone."
            yield RuleViolation(path, message, fix, severity=Severity.WARNING)
        elif is_secret_arn(text):
            name = key.upper() if path[:2] != _VARIABLES else str(path[-1])
            message = f"LiteLLM would use the ARN of the secret as `{key}`."
            fix = f"Set restApiConfig.containerConfig.environment.{name} to the ARN"
            yield RuleViolation(
                path, message, f"{fix}." if path[:2] == _VARIABLES else f"{fix}, and write {PREFIX}{name}."
            )


@rule("LISA537", "litellm-value-compiled", "Write the value, or set the variable to plain text.")
def litellm_compiled_values(config: Config) -> Iterator[RuleViolation]:
    """A value that permissions are derived from must be known when LISA compiles, so that it must not be a secret."""
    for path, text in litellm_texts(config):
        name = text.removeprefix(PREFIX)
        if path[-1] not in PLAIN_KEYS or name == text or not _NAME.match(name) or "litellm_params" not in path:
            continue
        found = find_variable(config, name)
        if found.text is None and found.source in {VariableSource.SECRET, VariableSource.LISA}:
            message = f"`{path[-1]}` comes from `{name}`, whose value LISA does not have: its permissions are unknown."
            yield RuleViolation(path, message)


def _hint(config: Config, name: str) -> str:
    if name in config.litellm_config.environment_variables:
        return " In environment_variables it refers to itself."
    known = {*config.rest_api_config.container_config.environment, *config.litellm_config.environment_variables}
    near = nearest(name, known | SET_BY_LISA, 0.85)
    return f" Did you mean `{near}`?" if near else ""


def _fix(name: str, path: Path) -> str | None:
    if owned_variable(GATEWAY, name) is not None:
        role = name in {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
        reason = "the gateway calls AWS with its task role" if role else "LISA does not let the configuration set it"
        return f"Remove `{path[-1]}`: {reason}."
    at = f"{'.'.join(map(str, _ENVIRONMENT))}.{name}"
    if _CREDENTIAL.search(str(path[-1])) or _CREDENTIAL.search(name):
        create = f"aws secretsmanager create-secret --name {name} --secret-string file://key.txt"
        return f"Store it as a secret, for example with `{create}`, and set {at} to the ARN of the secret."
    return f"Set {at} to the value."
