"""References to environment variables in `litellmConfig`: where they stand, and what they resolve to.

LiteLLM replaces a value that begins with os.environ/ when it loads its file, in mappings only, and before it sets
`environment_variables`. LISA writes the values of `environment_variables` into the compiled file instead, so that
references to them work too (lisa_compiler.emit.litellm).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from lisa_schema.document import Path
from lisa_schema.legacy_syntax import REST_API_CONTEXT
from lisa_schema.plain_data import texts

if TYPE_CHECKING:
    from lisa_schema.models import Config

PREFIX: Final = "os.environ/"
"""How a reference begins."""

_TASK: Final = {
    *("ADMIN_GROUP", "AUDIT_LOG_GROUP", "AUTHORITY", "AWS_REGION", "AWS_REGION_NAME", "CLIENT_ID", "DRAIN_TIMEOUT"),
    *("GATEWAY_CONFIGURATION_PS_NAME", "JWT_GROUPS_PROP", "KEEP_ALIVE_TIMEOUT", "LEGACY_TOKENS", "LOG_LEVEL"),
    *("REGISTERED_MODELS_PS_NAME", "SIGN_OUT_TABLE_NAME", "THREADS", "TOKEN_TABLE_NAME", "USE_AUTH"),
    *("LIMITS_TABLE_NAME", "USAGE_TABLE_NAME", "WEB_ORIGINS"),
}
_IMAGE: Final = {
    *("HOME", "HOSTNAME", "LANG", "LITELLM_ADMIN_KEY", "LITELLM_KEY", "LITELLM_LOCAL_MODEL_COST_MAP"),
    *("LITELLM_MASTER_KEY", "LITELLM_URL", "PATH", "PYTHONPATH", "PYTHONUNBUFFERED"),
}
# Amazon ECS Developer Guide, "Amazon ECS environment variables".
_ECS: Final = {
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_EXECUTION_ENV", "ECS_AGENT_URI", "ECS_CONTAINER_METADATA_URI"),
    "ECS_CONTAINER_METADATA_URI_V4",
}
SET_BY_LISA: Final = frozenset(_TASK | _IMAGE | _ECS)
"""Variables that the gateway's container has without the configuration."""

_TRUST: Final = frozenset(
    {"AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"}
)
_SECRET_PREFIXES: Final = ("secretsmanager", "ssm")


class VariableSource(StrEnum):
    """Where the gateway's container gets a variable from."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105  # not a password
    LISA = "lisa"
    IMAGE = "image"
    """Perhaps the user's own image, which LISA does not build."""
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the gateway's container.

    Attributes:
        source: where it comes from.
        text: its value when the configuration has it.
    """

    source: VariableSource
    text: str | None = None


def litellm_texts(config: Config) -> Iterator[tuple[Path, str]]:
    """Yield every text of `litellmConfig` that the configuration sets."""
    yield from texts(("litellmConfig",), config.litellm_config.model_dump(exclude_unset=True))


def find_variable(config: Config, name: str) -> Variable:
    """Look a variable of the gateway's container up.

    Args:
        config: a configuration.
        name: its name, in the case in which LiteLLM reads it.
    """
    return _find(config, name, frozenset())


def is_set_by_litellm(config: Config, name: str) -> bool:
    """Return whether only `environment_variables` of `litellmConfig` sets a variable."""
    own = config.rest_api_config.container_config.environment
    return name in config.litellm_config.environment_variables and name not in own and name not in SET_BY_LISA


def resolve(config: Config, value: str) -> str | None:
    """Return a text with its reference replaced; None when only the running container has the value."""
    if not value.startswith(PREFIX):
        return value
    return find_variable(config, value.removeprefix(PREFIX)).text


def is_secret_arn(value: str) -> bool:
    """Return whether a value of `containerConfig.environment` is a secret that ECS resolves."""
    parts = value.split(":", 3)
    return len(parts) > 3 and parts[0] == "arn" and parts[2] in _SECRET_PREFIXES


def has_own_image(config: Config) -> bool:
    """Return whether the gateway runs in an image that LISA does not build from its own files."""
    image = config.rest_api_config.container_config.image
    path = getattr(image, "path", "") if str(getattr(image, "type", "")) == "asset" else None
    return path is None or (bool(path) and str(PurePosixPath(path)) != REST_API_CONTEXT)


def _find(config: Config, name: str, seen: frozenset[str]) -> Variable:
    container = config.rest_api_config.container_config.environment
    if name in container:
        secret = is_secret_arn(container[name])
        return Variable(VariableSource.SECRET) if secret else Variable(VariableSource.TEXT, container[name])
    if name in SET_BY_LISA or (name in _TRUST and config.certificate_authority_bundle):
        region = config.region if name in {"AWS_REGION", "AWS_REGION_NAME"} else None
        return Variable(VariableSource.LISA, region)
    value = config.litellm_config.environment_variables.get(name)
    if value is not None and name not in seen:
        if not value.startswith(PREFIX):
            return Variable(VariableSource.TEXT, value)
        return _find(config, value.removeprefix(PREFIX), seen | {name})
    return Variable(VariableSource.IMAGE if has_own_image(config) else VariableSource.NOWHERE)
