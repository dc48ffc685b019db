"""Alarms: which a service has, and at which values they are raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lisa_compiler.plan.deployment import Deployment
    from lisa_compiler.plan.service_plans import ServicePlan

UNHEALTHY_MINUTES = 15
ERROR_PERCENT = 5
ERROR_MINUTES = 5
FEWEST_ERRORS = 5
"""Errors in a minute below which a few requests would make a large percentage."""

LATENCY_SECONDS = 120
LATENCY_MINUTES = 15
FEWEST_REQUESTS = 5
"""Requests in a minute below which one long generation would be the 99th percentile."""

IDLE_HOURS = 24
BUDGET_PERCENT = 80
CAPACITY_MARGIN_MINUTES = 15


@dataclass(frozen=True, slots=True)
class AlarmPlan:
    """An alarm.

    Attributes:
        id: its last part of the name, such as `errors`.
        name: CloudWatch's name of it.
        condition: when it is raised, for people.
    """

    id: str
    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class WatchedService:
    """What the dashboard shows of a service, whose stack is another one.

    Attributes:
        id: id of the service.
        cluster: its cluster, and its Auto Scaling group.
        alarms: names of its alarms.
    """

    id: str
    cluster: str
    alarms: tuple[str, ...]


def watched_services(deployment: Deployment) -> tuple[WatchedService, ...]:
    """The gateway and the models."""
    return tuple(
        WatchedService(service.id, service.cluster, tuple(alarm.name for alarm in service_alarms(deployment, service)))
        for service in deployment.services
    )


def service_alarms(deployment: Deployment, service: ServicePlan) -> Iterator[AlarmPlan]:
    """The alarms of a service, in the order of its stack; those of certificates are not among them."""
    conditions = _conditions(
        service,
        is_gateway=service is deployment.rest_api,
        audits_content=deployment.content_audit is not None,
    )
    for each, condition in conditions:
        yield AlarmPlan(each, deployment.names.alarm(f"{service.id}-{each}"), condition)


def is_idle_watched(service: ServicePlan, *, is_gateway: bool) -> bool:
    """Whether a service has GPUs whose idleness costs."""
    return bool(service.instance.gpus) and not is_gateway


def _conditions(service: ServicePlan, *, is_gateway: bool, audits_content: bool) -> Iterator[tuple[str, str]]:
    yield "unhealthy", f"a target is unhealthy for {UNHEALTHY_MINUTES} minutes"
    yield "errors", f"{ERROR_PERCENT} % or more of the requests end in a server error (5xx)"
    yield "latency", f"1 % or more of the responses begin after {LATENCY_SECONDS} s, for {LATENCY_MINUTES} minutes"
    yield "capacity", "fewer healthy tasks than desired instances"
    if is_idle_watched(service, is_gateway=is_gateway):
        yield "idle", f"GPU instances run without a request for {IDLE_HOURS} hours"
    if is_gateway:
        yield "budget", f"a group has used {BUDGET_PERCENT} % of a token budget"
        yield "audit", "audit records were dropped"
        if audits_content:
            yield "content", "the content of an audited request was not recorded, or not completely"
