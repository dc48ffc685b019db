"""Rules about variables that LiteLLM reads keys from: the name of a secret is not its value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.arns import parse_arn
from lisa_schema.document import Path
from lisa_schema.litellm.references import PREFIX, find_variable, litellm_texts
from lisa_schema.models import Config
from lisa_schema.regions import region as find_region
from lisa_schema.rules.registry import RuleViolation, rule

_KEY: Final = re.compile(r"(?i)(^|_)(key|token|secret|password|credentials?)$")
_SECRET_NAME: Final = re.compile(
    r"(?P<scheme>(ssm|secretsmanager|secrets-manager|aws-sm|asm|parameterstore|resolve:ssm|resolve:secretsmanager)[:/]+)?"
    r"(?P<name>/?[A-Za-z0-9_.+=@-]+(/[A-Za-z0-9_.+=@-]+)+)"
)
_ENVIRONMENT: Final[Path] = ("restApiConfig", "containerConfig", "environment")
_FILE: Final = re.compile(r"\.(json|pem|crt|cer|key|txt|ya?ml|p12|pfx|jwt|token)$")


@rule("LISA547", "key-is-a-reference", "Write the ARN of the secret.")
def key_is_a_reference(config: Config) -> Iterator[RuleViolation]:
    """A variable that LiteLLM reads a key from must not be the name of a secret: ECS resolves only ARNs."""
    variables = config.rest_api_config.container_config.environment
    reported: set[str] = set()
    for path, text in litellm_texts(config):
        name = text.removeprefix(PREFIX)
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        if name == text or name in reported or name not in variables or not _KEY.search(key):
            continue
        value = (find_variable(config, name).text or "").strip()
        found = _SECRET_NAME.fullmatch(value)
        # A key in base64 may have a slash; a name of a secret has words in lower case.
        if found is None or parse_arn(value) or _FILE.search(value) or not (found["scheme"] or _is_name(found["name"])):
            continue
        reported.add(name)
        message = f"LiteLLM would send `{value}` as `{key}`: ECS resolves ARNs of secrets only, not their names."
        yield RuleViolation((*_ENVIRONMENT, name), message, _fix(config, found), (path,))


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
