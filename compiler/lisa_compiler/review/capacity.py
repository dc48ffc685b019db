"""Capacity: instances, GPUs and GPU-hours, at the least and at the most that auto scaling may run."""

from __future__ import annotations

from dataclasses import dataclass

from lisa_compiler.review.formatting import format_range
from lisa_compiler.review.output import Output, Resource
from lisa_schema.instances import instance_type

HOURS_PER_DAY = 24

_GROUP = "AWS::AutoScaling::AutoScalingGroup"
_TEMPLATE = "AWS::EC2::LaunchTemplate"
_SCALING = "AWS::AutoScaling::ScalingPolicy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What runs when all groups are at one end of their ranges.

    Attributes:
        instances: EC2 instances.
        gpus: GPUs of all of them.
    """

    instances: int = 0
    gpus: int = 0

    @property
    def gpu_hours_per_day(self) -> int:
        """GPUs times the hours of a day."""
        return self.gpus * HOURS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Instances of one stack.

    Attributes:
        component: component of the stack.
        instance_type: EC2 name of the type.
        minimum: fewest instances.
        maximum: most instances, other than while they are replaced.
    """

    component: str
    instance_type: str
    minimum: int
    maximum: int

    @property
    def gpus(self) -> int:
        """GPUs of each instance; 0 when the table does not have the type."""
        found = instance_type(self.instance_type)
        return found.gpus if found else 0


def groups(output: Output) -> dict[str, Group]:
    """The instances that an environment runs, by component: each service has a stack and a group of its own."""
    found = {}
    for component, stack in output.stacks.items():
        for group in stack.resources.values():
            template = next((one for one in stack.resources.values() if one.type == _TEMPLATE), None)
            if group.type == _GROUP and template is not None:
                is_scaled = any(one.type == _SCALING for one in stack.resources.values())
                found[component] = _group(group, template, is_scaled=is_scaled)
    return found


def hosts(group: Group) -> str:
    """Say what a group runs on: how many instances of which type, with which GPUs."""
    found = instance_type(group.instance_type)
    gpus = f" with {found.gpus} \N{MULTIPLICATION SIGN} {found.gpu_name}" if found and found.gpus else ""
    return f"{format_range(group.minimum, group.maximum)} \N{MULTIPLICATION SIGN} {group.instance_type}{gpus}"


def least(output: Output) -> Capacity:
    """What runs when every group is at its minimum."""
    own = groups(output).values()
    return Capacity(
        instances=sum(group.minimum for group in own), gpus=sum(group.minimum * group.gpus for group in own)
    )


def most(output: Output) -> Capacity:
    """What runs when every group is at its maximum."""
    own = groups(output).values()
    return Capacity(
        instances=sum(group.maximum for group in own), gpus=sum(group.maximum * group.gpus for group in own)
    )


def _group(group: Resource, template: Resource, *, is_scaled: bool) -> Group:
    least = int(group.properties["MinSize"])
    return Group(
        component=group.component,
        instance_type=str(template.properties["LaunchTemplateData"]["InstanceType"]),
        minimum=least,
        # A group that is not scaled has a greater maximum for its updates alone.
        maximum=int(group.properties["MaxSize"]) if is_scaled else least,
    )
