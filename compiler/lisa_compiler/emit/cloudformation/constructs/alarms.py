"""Alarms of a service and of certificates: what needs attention, from metrics that exist in every partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from lisa_compiler.emit.cloudformation.constructs.metrics import (
    PERIOD_SECONDS,
    desired_instances,
    expression,
    healthy_targets,
    metric,
    target_dimensions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

_BALANCER = "AWS/ApplicationELB"
_UNHEALTHY_MINUTES = 15
_ERROR_PERCENT = 5
_FEWEST_ERRORS = 5
"""Errors in a minute below which a few requests would make a large percentage."""

_CAPACITY_MARGIN_MINUTES = 15
_EXPIRY_DAYS = 30
_DAY_SECONDS = 86400


class ServiceAlarms(Construct):
    """Alarms of a service: unhealthy targets, server errors, and fewer healthy tasks than instances desired."""

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        service: str,
        cluster: str,
        load_balancer: LoadBalancer,
        ready_seconds: int,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack = scope
        self._service = service
        balancer = {"LoadBalancer": load_balancer.full_name}
        target = target_dimensions(load_balancer)
        self._alarm(
            "Unhealthy",
            f"A target of {cluster} is unhealthy. Run `lisa verify`, and read the container's log.",
            [
                metric("unhealthy", _BALANCER, "UnHealthyHostCount", target, "Maximum"),
                expression("result", "FILL(unhealthy, 0)"),
            ],
            threshold=1,
            minutes=_UNHEALTHY_MINUTES,
        )
        self._alarm(
            "Errors",
            f"{_ERROR_PERCENT} % or more of the requests to {cluster} end in a server error. Read the container's log.",
            [
                metric("target", _BALANCER, "HTTPCode_Target_5XX_Count", balancer, "Sum"),
                metric("balancer", _BALANCER, "HTTPCode_ELB_5XX_Count", balancer, "Sum"),
                metric("requests", _BALANCER, "RequestCount", balancer, "Sum"),
                # Requests that find no target are errors of the load balancer, and not in its RequestCount.
                expression(
                    "result",
                    f"IF(FILL(target, 0) + FILL(balancer, 0) >= {_FEWEST_ERRORS}, "
                    "100 * (FILL(target, 0) + FILL(balancer, 0)) / (FILL(requests, 0) + FILL(balancer, 0)), 0)",
                ),
            ],
            threshold=_ERROR_PERCENT,
            minutes=5,
            breaching=3,
        )
        self._alarm(
            "Capacity",
            f"{cluster} has fewer healthy tasks than its Auto Scaling group has desired instances. Run `lisa verify`: "
            "an instance does not launch, does not join the cluster, or its task does not run.",
            [
                desired_instances("desired", cluster),
                healthy_targets("healthy", load_balancer),
                expression("result", "desired - FILL(healthy, 0)"),
            ],
            threshold=1,
            minutes=ready_seconds // 60 + _CAPACITY_MARGIN_MINUTES,
        )

    def _alarm(
        self,
        name: str,
        description: str,
        queries: Sequence[cloudwatch.CfnAlarm.MetricDataQueryProperty],
        *,
        threshold: float,
        minutes: int,
        breaching: int | None = None,
    ) -> None:
        alarm = cloudwatch.CfnAlarm(
            self,
            name,
            alarm_name=self._stack.deployment.names.alarm(f"{self._service}-{name.lower()}"),
            alarm_description=description,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=threshold,
            evaluation_periods=minutes * 60 // PERIOD_SECONDS,
            datapoints_to_alarm=breaching or minutes * 60 // PERIOD_SECONDS,
            treat_missing_data="notBreaching",
            metrics=list(queries),
            alarm_actions=notified(self._stack),
            ok_actions=notified(self._stack),
        )
        record_topic(self._stack, alarm)


def add_certificate_alarm(scope: LisaStack, construct_id: str, *, purpose: str, certificate_arn: str | None) -> None:
    """Add an alarm for an ACM certificate that expires soon.

    IAM server certificates have no metric; `lisa verify` checks how long the gateway's is valid.
    """
    if certificate_arn is None or certificate_arn.split(":")[2] != "acm":
        return
    alarm = cloudwatch.CfnAlarm(
        scope,
        construct_id,
        alarm_name=scope.deployment.names.alarm(f"{purpose}-certificate"),
        alarm_description=f"The certificate of {purpose} expires in {_EXPIRY_DAYS} days or less: renew or replace it.",
        comparison_operator="LessThanOrEqualToThreshold",
        threshold=_EXPIRY_DAYS,
        namespace="AWS/CertificateManager",
        metric_name="DaysToExpiry",
        dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="CertificateArn", value=certificate_arn)],
        statistic="Minimum",
        period=_DAY_SECONDS,
        evaluation_periods=1,
        # ACM stops reporting a certificate that has expired: the alarm keeps its state.
        treat_missing_data="ignore",
        alarm_actions=notified(scope),
        ok_actions=notified(scope),
    )
    record_topic(scope, alarm)


def notified(stack: LisaStack) -> list[str] | None:
    """What alarms notify: the configured topic, if there is one."""
    topic = stack.deployment.config.alarm_topic_arn
    return [topic] if topic else None


def record_topic(stack: LisaStack, alarm: cloudwatch.CfnAlarm) -> None:
    """Record the key of what an alarm notifies, which no action names while it is not set."""
    if not notified(stack):
        stack.record_keys(alarm, dict.fromkeys(("AlarmActions", "OKActions"), ("alarmTopicArn",)))
