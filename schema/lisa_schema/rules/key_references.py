"""Rules about variables with keys: the name of a secret is not its value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.arns import parse_arn
from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.references import PREFIX, litellm_texts
from lisa_schema.models import Config
from lisa_schema.regions import region as find_region
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import services

_KEY: Final = re.compile(r"(?i)(^|_)(key|token|secret|password|credentials?)$")
_SECRET_NAME: Final = re.compile(
    r"(?P<scheme>(ssm|secretsmanager|secrets-manager|aws-sm|asm|parameterstore|resolve:ssm|resolve:secretsmanager)[:/]+)?"
    r"(?P<name>/?[A-Za-z0-9_.+=@-]+(/[A-Za-z0-9_.+=@-]+)+)"
)
_REST_API: Final[Path] = ("restApiConfig",)
_FILE: Final = re.compile(r"\.(json|pem|crt|cer|key|txt|ya?ml|p12|pfx|jwt|token)$")


@rule("LISA547", "key-is-a-reference", "Write the ARN of the secret.")
def key_is_a_reference(config: Config) -> Iterator[RuleViolation]:
    """A variable with a key must not be the name of a secret: ECS resolves only ARNs."""
    used = _used_as_keys(config)
    for path, service in services(config):
        for name, text in service.container_config.environment.items():
            value = text.strip()
            found = _SECRET_NAME.fullmatch(value)
            if found is None or parse_arn(value) or _FILE.search(value):
                continue
            of_gateway = path == _REST_API
            # A key in base64 may have a slash; a name of a secret has plain words.
            if not found["scheme"] and not (
                _is_name(found["name"]) and (_KEY.search(name) or (of_gateway and name in used))
            ):
                continue
            certain = bool(found["scheme"]) or (of_gateway and name in used)
            message = f"`{name}` would be the text `{value}`: ECS resolves ARNs of secrets only, not their names."
            also = (used[name],) if of_gateway and name in used else ()
            severity = None if certain else Severity.WARNING
            yield RuleViolation(
                (*path, "containerConfig", "environment", name), message, _fix(config, found), also, severity
            )


def _used_as_keys(config: Config) -> dict[str, Path]:
    """Variables that `litellmConfig` refers to as keys, with the place of the first reference."""
    found: dict[str, Path] = {}
    for path, text in litellm_texts(config):
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        if text.startswith(PREFIX) and _KEY.search(key):
            found.setdefault(text.removeprefix(PREFIX), path)
    return found


def _is_name(text: str) -> bool:
    parts = text.strip("/").split("/")
    return len(text) < 100 and all(re.fullmatch(r"[a-z0-9_.-]+|[A-Z0-9_]+|[A-Za-z]+", part) for part in parts)


def _fix(config: Config, found: re.Match[str]) -> str:
    home = find_region(config.region)
    stem = f"arn:{home.partition.id if home else 'aws'}"
    place = f"{config.region}:{config.account_number}"
    name = found["name"]
    if "ssm" in (found["scheme"] or "") or name.startswith("/"):
        return f"Write `{stem}:ssm:{place}:parameter/{name.lstrip('/')}`."
    return f"Write `{stem}:secretsmanager:{place}:secret:{name}`."
