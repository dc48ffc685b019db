"""Settings for connections and stops: the variables of containers, and the stop timeout of ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.plan.provenance import bare, following
from lisa_schema.connection_times import (
    DRAIN_SECONDS,
    DRAIN_VARIABLE,
    DRAINING,
    KEEP_ALIVE_SECONDS,
    KEEP_ALIVE_VARIABLES,
    STOP_MARGIN_SECONDS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def connection_environment(container: str) -> dict[str, str]:
    """The variables that make a server keep idle connections longer than the load balancer, and drain when it stops.

    Args:
        container: `rest-api` or an inference container.
    """
    environment = {}
    if variable := KEEP_ALIVE_VARIABLES.get(container):
        environment[variable] = str(KEEP_ALIVE_SECONDS)
    if container in DRAINING:
        environment[DRAIN_VARIABLE] = str(DRAIN_SECONDS)
    return {name: following(value, container) for name, value in environment.items()}


def stop_timeout_seconds(container: str, environment: Mapping[str, str]) -> int:
    """How long ECS has to wait after SIGTERM before it kills a container.

    Args:
        container: `rest-api` or an inference container.
        environment: all of its variables.
    """
    drain = environment.get(DRAIN_VARIABLE) if container in DRAINING else None
    return following(int(bare(drain) if drain else DRAIN_SECONDS) + STOP_MARGIN_SECONDS, drain)
