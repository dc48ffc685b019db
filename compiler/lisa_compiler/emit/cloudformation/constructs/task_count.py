"""The number of a replicated service's tasks: it follows the number of its instances.

The Auto Scaling group follows the configured metric; a task is added when an instance has none, and removed after an
instance was removed. Step scaling with CloudWatch alarms exists in every partition. Capacity providers would put two
tasks on each instance, because two must fit for the time of a deployment (decision 0036).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.metrics import expression, healthy_targets, instances_in_service

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_schema.models import AutoScalingConfig

_MINUTES = 3
"""Minutes that tasks and instances differ before the number of tasks changes."""

_MOST_STEPS = 10
_SCALE_OUT_COOLDOWN_SECONDS = 600
"""A new task counts when its target is healthy, which takes minutes."""

_SCALE_IN_COOLDOWN_SECONDS = 300


class TaskCount(Construct):
    """Keeps the number of tasks at the number of instances in service, between the group's limits."""

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        cluster: str,
        service_name: str,
        group_name: str,
        load_balancer: LoadBalancer,
        capacity: AutoScalingConfig,
    ) -> None:
        super().__init__(scope, construct_id)
        target = scaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=f"service/{cluster}/{service_name}",
            min_capacity=capacity.least_capacity,
            max_capacity=capacity.max_capacity,
        )
        metrics = [
            instances_in_service("instances", group_name),
            healthy_targets("tasks", load_balancer),
            # Without a healthy task, more of them change nothing.
            expression("difference", "IF(FILL(tasks, 0) > 0, instances - tasks, 0)"),
        ]
        steps = range(1, min(capacity.max_capacity - capacity.least_capacity, _MOST_STEPS) + 1)
        for name, sign, cooldown in (
            ("Out", 1, _SCALE_OUT_COOLDOWN_SECONDS),
            ("In", -1, _SCALE_IN_COOLDOWN_SECONDS),
        ):
            policy = scaling.CfnScalingPolicy(
                self,
                f"Scale{name}",
                policy_name=f"tasks-{name.lower()}",
                policy_type="StepScaling",
                scaling_target_id=target.ref,
                step_scaling_policy_configuration=scaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty(
                    adjustment_type="ChangeInCapacity",
                    cooldown=cooldown,
                    metric_aggregation_type="Maximum" if sign > 0 else "Minimum",
                    step_adjustments=[_step(step, sign, is_last=step == steps[-1]) for step in steps],
                ),
            )
            cloudwatch.CfnAlarm(
                self,
                f"Scale{name}Alarm",
                alarm_description=f"Scales {name.lower()} the tasks of {cluster}. This alarm does not report a fault.",
                comparison_operator="GreaterThanOrEqualToThreshold" if sign > 0 else "LessThanOrEqualToThreshold",
                threshold=sign,
                evaluation_periods=_MINUTES,
                datapoints_to_alarm=_MINUTES,
                treat_missing_data="notBreaching",
                metrics=metrics,
                alarm_actions=[policy.ref],
            )


def _step(step: int, sign: int, *, is_last: bool) -> scaling.CfnScalingPolicy.StepAdjustmentProperty:
    """Add or remove `step` tasks when the difference is that; bounds are relative to the alarm's threshold."""
    near, far = sign * (step - 1), None if is_last else sign * step
    return scaling.CfnScalingPolicy.StepAdjustmentProperty(
        scaling_adjustment=sign * step,
        metric_interval_lower_bound=near if sign > 0 else far,
        metric_interval_upper_bound=far if sign > 0 else near,
    )
