"""Scheduled actions of an Auto Scaling group: the windows of a schedule, each with a start and a stop.

The tasks follow: a DAEMON service has one on each instance, and those of the gateway follow the instances
(constructs.task_count). The resource type and its time zone exist since 2021; decision 0077.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aws_cdk import aws_autoscaling as autoscaling

from lisa_compiler.plan.provenance import following, unmarked
from lisa_schema.schedules import read_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import ServicePlan
    from lisa_schema.document import Path
    from lisa_schema.recurrences import Recurrence

_DIGITS = 8


def add_schedule(
    stack: LisaStack, scope: Construct, *, service: ServicePlan, group: autoscaling.CfnAutoScalingGroup, most: int
) -> None:
    """Add the scheduled actions of a service, if it has a schedule.

    Args:
        stack: the service's stack.
        scope: where the actions belong.
        service: the service.
        group: its Auto Scaling group.
        most: `MaxSize` of the group outside of all windows.
    """
    scaling = service.auto_scaling
    if scaling.schedule is None:
        return
    key = (*service.key, "autoScalingConfig", "schedule")
    for index, window in enumerate(scaling.schedule.windows):
        times = read_window(unmarked(window))
        place = (*key, "windows", index)
        high = scaling.most_in(window)
        # Without one, Auto Scaling keeps what runs within the limits.
        desired = 0 if high == 0 else window.desired_capacity
        for recurrence, text, low, limit, wanted in (
            (times.start, window.start, window.min_capacity, high, desired),
            (times.stop, window.stop, scaling.min_capacity, most, None),
        ):
            action = autoscaling.CfnScheduledAction(
                scope,
                f"At{_digest(recurrence)}",
                auto_scaling_group_name=group.ref,
                recurrence=following(recurrence.expression, text),
                time_zone=scaling.schedule.time_zone,
                min_size=low,
                max_size=limit,
                desired_capacity=wanted,
            )
            keys: dict[str, Path | Sequence[Path]] = {"Recurrence": [(*place, "days"), (*place, "start")], "": key}
            if recurrence is times.start:
                keys |= {
                    "MaxSize": [(*place, "maxCapacity"), (*place, "minCapacity")],
                    "DesiredCapacity": [(*place, "desiredCapacity"), (*place, "minCapacity")],
                }
            stack.record_keys(action, keys)


def _digest(recurrence: Recurrence) -> str:
    """Part of a logical id: no two actions of a group have the same times, and other windows do not change it."""
    return hashlib.sha256(recurrence.expression.encode()).hexdigest()[:_DIGITS].upper()
