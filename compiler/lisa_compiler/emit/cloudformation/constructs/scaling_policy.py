"""How an Auto Scaling group follows a metric of its load balancer, or of the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_autoscaling as autoscaling

from lisa_compiler.emit.cloudformation.constructs.alarms import METRIC_NAMESPACE

if TYPE_CHECKING:
    from constructs import Construct

    from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
    from lisa_schema.models import MetricConfig

_NAMESPACE = "AWS/ApplicationELB"
_REQUESTS = "RequestCountPerTarget"
REQUEST_MILLISECONDS = "RequestMilliseconds"
"""Metric in the gateway's audit records of models that scale by their requests (lisa_gateway.audit.record)."""

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
    requests: dict[str, str],
    isolated: bool,
) -> autoscaling.CfnScalingPolicy:
    """Hold a metric at its target value by the number of instances.

    Args:
        scope: where the policy belongs.
        construct_id: its id there.
        group_name: the Auto Scaling group.
        metric: which metric, and its target value.
        balancer: the load balancer that publishes it.
        requests: dimensions of the gateway's metric of this service's requests.
        isolated: whether the Region is isolated. Whether target tracking supports metric math there is unknown; the
            predefined metric is as old as target tracking.
    """
    name = metric.alb_metric_name
    if name is None:
        configuration = _Policy.TargetTrackingConfigurationProperty(
            target_value=metric.target_value, customized_metric_specification=_in_flight(group_name, requests)
        )
    elif isolated and metric.alb_metric_name == _REQUESTS:
        configuration = _Policy.TargetTrackingConfigurationProperty(
            target_value=metric.target_value,
            predefined_metric_specification=_Policy.PredefinedMetricSpecificationProperty(
                predefined_metric_type="ALBRequestCountPerTarget",
                resource_label=f"{balancer.full_name}/{balancer.target_group_full_name}",
            ),
        )
    else:
        specification = (_one_metric if isolated else _filled)(name, balancer)
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


def _in_flight(group_name: str, requests: dict[str, str]) -> _Policy.CustomizedMetricSpecificationProperty:
    """Requests in flight for each instance, by Little's law: seconds of requests that end in a minute / 60.

    It is zero without requests, and without instances, which no request starts.
    """
    return _Policy.CustomizedMetricSpecificationProperty(
        metrics=[
            _published("milliseconds", METRIC_NAMESPACE, REQUEST_MILLISECONDS, requests, "Sum"),
            _published(
                "instances",
                "AWS/AutoScaling",
                "GroupInServiceInstances",
                {"AutoScalingGroupName": group_name},
                "Average",
            ),
            _Policy.TargetTrackingMetricDataQueryProperty(
                id="inflight",
                expression=(
                    f"IF(FILL(instances, 0) > 0, FILL(milliseconds, 0) / {1000 * _PERIOD_SECONDS} / instances, 0)"
                ),
                period=_PERIOD_SECONDS,
                return_data=True,
            ),
        ]
    )


def _published(
    query_id: str, namespace: str, name: str, dimensions: dict[str, str], statistic: str
) -> _Policy.TargetTrackingMetricDataQueryProperty:
    return _Policy.TargetTrackingMetricDataQueryProperty(
        id=query_id,
        metric_stat=_Policy.TargetTrackingMetricStatProperty(
            metric=_Policy.MetricProperty(
                namespace=namespace,
                metric_name=name,
                dimensions=[
                    _Policy.MetricDimensionProperty(name=key, value=value) for key, value in dimensions.items()
                ],
            ),
            stat=statistic,
            period=_PERIOD_SECONDS,
        ),
        return_data=False,
    )


def _filled(name: str, balancer: LoadBalancer) -> _Policy.CustomizedMetricSpecificationProperty:
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
                        namespace=_NAMESPACE, metric_name=name, dimensions=_dimensions(balancer)
                    ),
                    stat=_statistic(name),
                    period=_PERIOD_SECONDS,
                ),
                return_data=False,
            ),
            _Policy.TargetTrackingMetricDataQueryProperty(
                id="filled", expression="FILL(published, 0)", period=_PERIOD_SECONDS, return_data=True
            ),
        ]
    )


def _one_metric(name: str, balancer: LoadBalancer) -> _Policy.CustomizedMetricSpecificationProperty:
    return _Policy.CustomizedMetricSpecificationProperty(
        namespace=_NAMESPACE,
        metric_name=name,
        statistic=_statistic(name),
        period=_PERIOD_SECONDS,
        dimensions=_dimensions(balancer),
    )


def _statistic(name: str) -> str:
    return _STATISTICS.get(name, "Sum")


def _dimensions(balancer: LoadBalancer) -> list[_Policy.MetricDimensionProperty]:
    return [
        _Policy.MetricDimensionProperty(name="LoadBalancer", value=balancer.full_name),
        _Policy.MetricDimensionProperty(name="TargetGroup", value=balancer.target_group_full_name),
    ]
