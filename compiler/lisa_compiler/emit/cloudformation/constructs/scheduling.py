"""How ECS places the tasks of a service on its instances and replaces them.

A gateway is replicated: its tasks share instances for the time of a deployment, so that the new task answers before
the old one is stopped, and a single instance is replaced after the next one has joined. A model has one task on each
instance, with all its GPUs; a deployment replaces one at a time, or brings another instance first where there is one
alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

if TYPE_CHECKING:
    from lisa_schema.models import AutoScalingConfig

_STATIC_PORT = 80
_DYNAMIC_PORTS = (32768, 65535)
"""Ephemeral ports that Docker chooses host ports from (ECS Developer Guide, "PortMapping")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How ECS places tasks and replaces them.

    Attributes:
        strategy: `REPLICA` or `DAEMON`.
        desired_count: tasks; None where something else sets their number.
        minimum_healthy_percent: tasks that a deployment leaves running, of those desired.
        maximum_percent: tasks that may run during a deployment, likewise.
        host_port: port on the instance; 0 where Docker chooses it.
        ports: first and last port on the instance that the load balancer connects to.
        placement: placement strategies.
        replaces_instances: whether a new task definition comes with new instances, rather than on those that run.
        further_instances: instances beyond the capacity that the group may have while its instances are replaced.
    """

    strategy: str
    desired_count: int | None
    minimum_healthy_percent: int
    maximum_percent: int
    host_port: int
    ports: tuple[int, int]
    placement: tuple[ecs.CfnService.PlacementStrategyProperty, ...]
    replaces_instances: bool = False
    further_instances: int = 0


def replicated(capacity: AutoScalingConfig) -> Schedule:
    """Schedule as many tasks as there are instances, which may share instances during a deployment.

    CloudFormation keeps fewer instances in service than the group's maximum (`MinInstancesInService`), none of a group
    with one. Such a group may therefore have another one; nothing but an update starts it, because it is not scaled.
    """
    is_fixed = capacity.least_capacity == capacity.max_capacity
    return Schedule(
        strategy="REPLICA",
        # A count in the template would be set again by each update, whatever the load is.
        desired_count=capacity.min_capacity if is_fixed else None,
        minimum_healthy_percent=100,
        maximum_percent=200,
        host_port=0,
        ports=_DYNAMIC_PORTS,
        # By instance alone: a new task must be placed on the instance that was added for it, in any zone.
        placement=(ecs.CfnService.PlacementStrategyProperty(type="spread", field="instanceId"),),
        further_instances=1 if capacity.max_capacity == 1 else 0,
    )


def one_per_instance(capacity: AutoScalingConfig) -> Schedule:
    """Schedule a task on each instance; a deployment replaces one at a time, as far as the capacity allows.

    A single instance has no room for a second task. Where the group may have another instance, that one comes first,
    with the new task; the old one answers until then. Otherwise the deployment interrupts the model.
    """
    least = capacity.min_capacity
    replaces_instances = least == 1 and capacity.max_capacity > 1
    return Schedule(
        strategy="DAEMON",
        desired_count=None,
        # Of a task that is to be replaced with its instance, ECS stops none.
        minimum_healthy_percent=100 if replaces_instances else 100 * (least - 1) // least,
        maximum_percent=100,
        host_port=_STATIC_PORT,
        ports=(_STATIC_PORT, _STATIC_PORT),
        placement=(),
        replaces_instances=replaces_instances,
    )
