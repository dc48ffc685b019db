"""Settings of the supervisor, from the container's environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

GATEWAY_STOP_MARGIN_SECONDS = 10
"""How long the gateway may take to stop, beyond the time in which its requests may end."""

_REQUIRED = (
    *("AWS_REGION", "DRAIN_TIMEOUT", "KEEP_ALIVE_TIMEOUT", "REGISTERED_MODELS_PS_NAME", "THREADS"),
    "TOKEN_TABLE_NAME",
)
_REQUIRED_BY_AUTHENTICATION = ("AUTHORITY", "CLIENT_ID")


class SupervisorSettings(BaseSettings):
    """What the supervisor needs to know; the names in upper case are the environment's. Times are in seconds.

    Attributes:
        aws_region: region of the parameter and the bucket.
        gateway_configuration_ps_name: the SSM parameter that names the configuration.
        gateway_configuration_directory: compiled output to read instead, on a machine without AWS.
        gateway_configuration_poll: between two looks at the configuration; each waits up to a fifth less or more.
        model_key_poll: how long a key of a model is not read again.
        threads: worker processes of the gateway, and of LiteLLM.
        keep_alive_timeout: how long LiteLLM keeps an idle connection.
        drain_timeout: how long requests may take to end when the container stops.
        hang_timeout: silence after which LiteLLM is killed and started again; 0 for never.
        litellm_port: LiteLLM's port; the next ones are used while one LiteLLM replaces another.
        litellm_start: how long a LiteLLM that replaces another may take until it answers. The first one has as long as
            ECS waits for the container to be healthy.
        litellm_drain: how long requests on a replaced LiteLLM may take to end.
        litellm_stop_seconds: how long LiteLLM may take to end when it has no requests.
        log_level: least level that is logged.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    aws_region: str = Field(min_length=1)
    gateway_configuration_ps_name: str = ""
    gateway_configuration_directory: str = ""
    gateway_configuration_poll: float = Field(default=15.0, gt=0)
    model_key_poll: float = Field(default=60.0, gt=0)
    threads: int = Field(ge=1)
    keep_alive_timeout: int = Field(ge=1)
    drain_timeout: int = Field(ge=0)
    hang_timeout: float = Field(default=300.0, ge=0)
    litellm_port: int = Field(default=4000, ge=1, le=65000)
    litellm_start: float = Field(default=600.0, gt=0)
    litellm_drain: float = Field(default=600.0, ge=0)
    litellm_stop_seconds: float = Field(default=10.0, ge=0)
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _needs_a_source(self) -> Self:
        if not (self.gateway_configuration_ps_name or self.gateway_configuration_directory):
            raise ValueError("set GATEWAY_CONFIGURATION_PS_NAME")
        return self


def missing_variables(environment: Mapping[str, str]) -> list[str]:
    """The variables that the container does not start without and that are not set or empty."""
    names = list(_REQUIRED)
    if environment.get("USE_AUTH", "true") != "false":
        names += _REQUIRED_BY_AUTHENTICATION
    return [name for name in names if not environment.get(name)]
