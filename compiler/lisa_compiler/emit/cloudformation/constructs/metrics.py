"""CloudWatch metrics of a service, as alarms query them. All of them exist in every partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer

_Query = cloudwatch.CfnAlarm.MetricDataQueryProperty

PERIOD_SECONDS = 60


def instances_in_service(query_id: str, group_name: str, *, period: int = PERIOD_SECONDS) -> _Query:
    """Instances of an Auto Scaling group that are in service; the group must collect its metrics."""
    dimensions = {"AutoScalingGroupName": group_name}
    return metric(query_id, "AWS/AutoScaling", "GroupInServiceInstances", dimensions, "Minimum", period=period)


def desired_instances(query_id: str, group_name: str) -> _Query:
    """Desired capacity of an Auto Scaling group, likewise."""
    return metric(query_id, "AWS/AutoScaling", "GroupDesiredCapacity", {"AutoScalingGroupName": group_name}, "Minimum")


def healthy_targets(query_id: str, load_balancer: LoadBalancer) -> _Query:
    """Healthy targets of a load balancer; every zone reports all of them, since requests cross zones."""
    return metric(query_id, "AWS/ApplicationELB", "HealthyHostCount", target_dimensions(load_balancer), "Maximum")


def target_dimensions(load_balancer: LoadBalancer) -> dict[str, str]:
    """Dimensions of the metrics of a target group."""
    return {"LoadBalancer": load_balancer.full_name, "TargetGroup": load_balancer.target_group_full_name}


def expression(query_id: str, formula: str) -> _Query:
    """The result of a formula over the other queries, which an alarm watches."""
    return _Query(id=query_id, expression=formula, return_data=True)


def metric(
    query_id: str,
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str,
    *,
    period: int = PERIOD_SECONDS,
) -> _Query:
    """A metric that a formula uses, over a period of so many seconds; all metrics of a formula have the same."""
    return _Query(
        id=query_id,
        return_data=False,
        metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
            period=period,
            stat=statistic,
            metric=cloudwatch.CfnAlarm.MetricProperty(
                namespace=namespace,
                metric_name=name,
                dimensions=[
                    cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value) for key, value in dimensions.items()
                ],
            ),
        ),
    )
