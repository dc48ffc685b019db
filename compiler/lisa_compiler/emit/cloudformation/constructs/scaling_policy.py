"""How an Auto Scaling group follows a metric of its load balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_autoscaling as autoscaling

if TYPE_CHECKING:
    from constructs import Construct

    from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
    from lisa_schema.models import MetricConfig

_NAMESPACE = "AWS/ApplicationELB"
_REQUESTS = "RequestCountPerTarget"
# What an ALB metric means over a period; anything that is not listed is a count (ELB User Guide, "CloudWatch metrics").
_STATISTICS = {"HealthyHostCount": "Average", "TargetResponseTime": "Average", "UnHealthyHostCount": "Average"}
# ELB publishes each minute, so that a shorter period has gaps; a target tracking policy takes no longer one.
_PERIOD_SECONDS = 60

_Policy = autoscaling.CfnScalingPolicy


def add_scaling_policy(
    scope: Construct,
    construct_id: str,
    *,
    group_name: str,
    metric: MetricConfig,
    balancer: LoadBalancer,
    isolated: bool,
) -> autoscaling.CfnScalingPolicy:
    """Hold a metric of a load balancer at its target value by the number of instances.

    Args:
        scope: where the policy belongs.
        construct_id: its id there.
        group_name: the Auto Scaling group.
        metric: which metric, and its target value.
        balancer: the load balancer that publishes it.
        isolated: whether the Region is isolated. Whether target tracking supports metric math there is unknown; the
            predefined metric is as old as target tracking.
    """
    if isolated and metric.alb_metric_name == _REQUESTS:
        configuration = _Policy.TargetTrackingConfigurationProperty(
            target_value=metric.target_value,
            predefined_metric_specification=_Policy.PredefinedMetricSpecificationProperty(
                predefined_metric_type="ALBRequestCountPerTarget",
                resource_label=f"{balancer.full_name}/{balancer.target_group_full_name}",
            ),
        )
    else:
        specification = _one_metric(metric, balancer) if isolated else _filled(metric, balancer)
        configuration = _Policy.TargetTrackingConfigurationProperty(
            target_value=metric.target_value, customized_metric_specification=specification
        )
    return autoscaling.CfnScalingPolicy(
        scope,
        construct_id,
        auto_scaling_group_name=group_name,
        policy_type="TargetTrackingScaling",
        estimated_instance_warmup=metric.estimated_instance_warmup,
        target_tracking_configuration=configuration,
    )


def _filled(metric: MetricConfig, balancer: LoadBalancer) -> _Policy.CustomizedMetricSpecificationProperty:
    """The metric, zero in minutes without a value.

    ELB publishes most metrics only while there is traffic. Without values the policy's alarms have insufficient data,
    and the group never scales in (Amazon EC2 Auto Scaling User Guide, "Target tracking scaling policies").
    """
    return _Policy.CustomizedMetricSpecificationProperty(
        metrics=[
            _Policy.TargetTrackingMetricDataQueryProperty(
                id="published",
                metric_stat=_Policy.TargetTrackingMetricStatProperty(
                    metric=_Policy.MetricProperty(
                        namespace=_NAMESPACE, metric_name=metric.alb_metric_name, dimensions=_dimensions(balancer)
                    ),
                    stat=_statistic(metric),
                    period=_PERIOD_SECONDS,
                ),
                return_data=False,
            ),
            _Policy.TargetTrackingMetricDataQueryProperty(
                id="filled", expression="FILL(published, 0)", period=_PERIOD_SECONDS, return_data=True
            ),
        ]
    )


def _one_metric(metric: MetricConfig, balancer: LoadBalancer) -> _Policy.CustomizedMetricSpecificationProperty:
    return _Policy.CustomizedMetricSpecificationProperty(
        namespace=_NAMESPACE,
        metric_name=metric.alb_metric_name,
        statistic=_statistic(metric),
        period=_PERIOD_SECONDS,
        dimensions=_dimensions(balancer),
    )


def _statistic(metric: MetricConfig) -> str:
    return _STATISTICS.get(metric.alb_metric_name, "Sum")


def _dimensions(balancer: LoadBalancer) -> list[_Policy.MetricDimensionProperty]:
    return [
        _Policy.MetricDimensionProperty(name="LoadBalancer", value=balancer.full_name),
        _Policy.MetricDimensionProperty(name="TargetGroup", value=balancer.target_group_full_name),
    ]
