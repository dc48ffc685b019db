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
    instances_in_service,
    metric,
    target_dimensions,
)
from lisa_compiler.plan.alarms import (
    BUDGET_PERCENT,
    CAPACITY_MARGIN_MINUTES,
    ERROR_MINUTES,
    ERROR_PERCENT,
    FEWEST_ERRORS,
    FEWEST_REQUESTS,
    IDLE_HOURS,
    LATENCY_MINUTES,
    LATENCY_SECONDS,
    UNHEALTHY_MINUTES,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

_BALANCER = "AWS/ApplicationELB"
_HOUR_SECONDS = 3600
_METRIC_SECONDS = 300

METRIC_NAMESPACE = "LISA"
"""Namespace of the metrics that the gateway's audit records contain (lisa_gateway.audit.record)."""

_EXPIRY_DAYS = 30
_DAY_SECONDS = 86400


class ServiceAlarms(Construct):
    """Alarms of a service: unhealthy targets, server errors, slow responses, fewer tasks than instances desired.

    `watches_idleness` adds one for GPUs that run without requests. ECS and EC2 publish no use of a GPU without an agent
    on the instance: what is measured is that instances are in service, and that their load balancer has no request.
    `may_be_empty` says that a schedule has times without instances, in which 503 is no fault.
    """

    def __init__(
        self,
        scope: LisaStack,
        construct_id: str,
        *,
        service: str,
        cluster: str,
        load_balancer: LoadBalancer,
        ready_seconds: int,
        watches_idleness: bool = False,
        may_be_empty: bool = False,
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
            minutes=UNHEALTHY_MINUTES,
        )
        errors = (
            f"IF(FILL(target, 0) + FILL(balancer, 0) >= {FEWEST_ERRORS}, "
            "100 * (FILL(target, 0) + FILL(balancer, 0)) / (FILL(requests, 0) + FILL(balancer, 0)), 0)"
        )
        self._alarm(
            "Errors",
            f"{ERROR_PERCENT} % or more of the requests to {cluster} end in a server error. Read the container's log.",
            [
                *([desired_instances("desired", cluster)] if may_be_empty else []),
                metric("target", _BALANCER, "HTTPCode_Target_5XX_Count", balancer, "Sum"),
                metric("balancer", _BALANCER, "HTTPCode_ELB_5XX_Count", balancer, "Sum"),
                metric("requests", _BALANCER, "RequestCount", balancer, "Sum"),
                # Requests that find no target are errors of the load balancer, and not in its RequestCount.
                expression("result", f"IF(FILL(desired, 1) > 0, {errors}, 0)" if may_be_empty else errors),
            ],
            threshold=ERROR_PERCENT,
            minutes=ERROR_MINUTES,
            breaching=3,
        )
        self._alarm(
            "Latency",
            f"1 % or more of the responses of {cluster} begin after {LATENCY_SECONDS} seconds or later; responses that "
            "are not streamed begin when they are complete. Add instances, or lower `max_tokens` of the clients.",
            [
                metric("slowest", _BALANCER, "TargetResponseTime", balancer, "p99"),
                metric("requests", _BALANCER, "RequestCount", balancer, "Sum"),
                expression("result", f"IF(FILL(requests, 0) >= {FEWEST_REQUESTS}, FILL(slowest, 0), 0)"),
            ],
            threshold=LATENCY_SECONDS,
            minutes=LATENCY_MINUTES,
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
            minutes=ready_seconds // 60 + CAPACITY_MARGIN_MINUTES,
        )
        if watches_idleness:
            self._alarm(
                "Idle",
                f"GPU instances of {cluster} have run for {IDLE_HOURS} hours without a request. Lower `minCapacity`, "
                "stop the model, or set `deploy: false`.",
                [
                    instances_in_service("running", cluster, period=_HOUR_SECONDS),
                    metric("requests", _BALANCER, "RequestCount", balancer, "Sum", period=_HOUR_SECONDS),
                    expression("result", "IF(FILL(running, 0) > 0, IF(FILL(requests, 0) > 0, 0, 1), 0)"),
                ],
                threshold=1,
                minutes=IDLE_HOURS * 60,
                period=_HOUR_SECONDS,
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
        period: int = PERIOD_SECONDS,
    ) -> None:
        alarm = cloudwatch.CfnAlarm(
            self,
            name,
            alarm_name=self._stack.deployment.names.alarm(f"{self._service}-{name.lower()}"),
            alarm_description=description,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=threshold,
            evaluation_periods=minutes * 60 // period,
            datapoints_to_alarm=breaching or minutes * 60 // period,
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


def add_gateway_alarms(scope: LisaStack, *, log_group: str) -> None:
    """Add the alarms for what audit records publish as metrics: token budgets, and what was not recorded.

    Args:
        scope: the stack of the gateway.
        log_group: name of the audit log, the metrics' dimension.
    """
    service = scope.deployment.rest_api.id
    content = (
        "ContentAlarm",
        "AuditContentLost",
        "content",
        1,
        f"The content of an audited request was not recorded, or not completely. The records in {log_group} whose "
        "`content` is `missing` or `incomplete` are the requests. Check the log of the gateway, the KMS key and the "
        "bucket.",
    )
    for construct_id, name, purpose, threshold, description in (
        (
            "BudgetAlarm",
            "BudgetUsed",
            "budget",
            BUDGET_PERCENT,
            f"A group has used {BUDGET_PERCENT} % of a token budget. The dashboard shows which: raise the budget in "
            "accessConfig, or inform the group.",
        ),
        (
            "AuditAlarm",
            "AuditRecordsLost",
            "audit",
            1,
            f"Audit records were dropped, because {log_group} did not accept them for a long time. Check the log of "
            "the gateway and its access to CloudWatch Logs.",
        ),
        *([content] if scope.deployment.content_audit is not None else []),
    ):
        alarm = cloudwatch.CfnAlarm(
            scope,
            construct_id,
            alarm_name=scope.deployment.names.alarm(f"{service}-{purpose}"),
            alarm_description=description,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=threshold,
            namespace=METRIC_NAMESPACE,
            metric_name=name,
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="LogGroup", value=log_group)],
            statistic="Maximum",
            period=_METRIC_SECONDS,
            evaluation_periods=1,
            treat_missing_data="notBreaching",
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
