"""Rules about the times that servers, load balancers and ECS have to agree on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lisa_schema.connection_times import (
    DRAIN_VARIABLE,
    DRAINING,
    KEEP_ALIVE_VARIABLES,
    LOAD_BALANCER_IDLE_SECONDS,
    MAX_DRAIN_SECONDS,
)
from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.engine_settings import TITLES, Support, other_versions, support
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.server_arguments import engine_models
from lisa_schema.rules.service_paths import container_kind, services
from lisa_schema.settable_variables import GATEWAY
from lisa_schema.variable_ownership import canonical

_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_FRACTIONAL: Final = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """What a variable may be, in seconds, and what happens otherwise."""

    least: float
    most: float
    reason: str
    number: re.Pattern[str] = _SECONDS
    severity: Severity | None = None

    def include(self, value: str) -> bool:
        return self.number.fullmatch(value) is not None and self.least <= float(value) <= self.most


_KEEP_ALIVE: Final = _Bounds(
    least=LOAD_BALANCER_IDLE_SECONDS + 1,
    most=86400,
    reason=f"the load balancer keeps connections for {LOAD_BALANCER_IDLE_SECONDS} seconds, and returns 502 if the "
    "server closes one first",
)
_DRAIN: Final = _Bounds(least=0, most=MAX_DRAIN_SECONDS, reason="ECS kills the container 30 seconds later")
_ANSWER: Final = _Bounds(
    least=0,
    most=LOAD_BALANCER_IDLE_SECONDS - 1,
    reason=f"the load balancer returns 504 after {LOAD_BALANCER_IDLE_SECONDS} seconds without a byte",
    number=_FRACTIONAL,
    severity=Severity.WARNING,
)
_BOUNDS: Final = {
    **dict.fromkeys(KEEP_ALIVE_VARIABLES.items(), _KEEP_ALIVE),
    **{(container, DRAIN_VARIABLE): _DRAIN for container in DRAINING},
    (GATEWAY, "ANSWER_TIMEOUT"): _ANSWER,
}


@rule("LISA329", "connection-times", "Remove the variable: its default matches the load balancer.")
def connection_times(config: Config) -> Iterator[RuleViolation]:
    """Servers must keep idle connections longer than the load balancer, answer before it gives up, and stop in time."""
    for path, service in services(config):
        container = container_kind(service)
        for name, value in service.container_config.environment.items():
            bounds = _BOUNDS.get((container, canonical(container, name)))
            if bounds is not None and not bounds.include(value):
                number = "a number" if bounds.number is _FRACTIONAL else "an integer number"
                message = f"`{name}` must be {number} of seconds from {bounds.least} to {bounds.most}: {bounds.reason}."
                yield RuleViolation((*path, "containerConfig", "environment", name), message, severity=bounds.severity)
    for index, _, container, installed in engine_models(config):
        variable = KEEP_ALIVE_VARIABLES.get(container)
        if variable and installed and support(container, "variables", variable, installed) is Support.NO:
            image: Path = ("ecsModels", index, "containerConfig", "image")
            message = (
                f"{TITLES[container]} {installed} does not read `{variable}`: it closes idle connections after 5 "
                "seconds, and the load balancer returns 502 for requests on them."
            )
            fix = f"Use a version that reads it: {other_versions(container, 'variables', variable)}."
            yield RuleViolation(image, message, fix, severity=Severity.WARNING)
