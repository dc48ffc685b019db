"""The CloudWatch dashboard of a deployment: the gateway, its models, its callers, and the state of the alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import aws_cloudwatch as cloudwatch

from lisa_compiler.emit.cloudformation.constructs.alarms import METRIC_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.load_balancer import LoadBalancer
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.alarms import WatchedService

_BALANCER = "AWS/ApplicationELB"
_PERIOD_SECONDS = 60
_COLUMNS, _WIDTH, _HEIGHT = 24, 8, 6
_MOST_ALARMS = 100
"""Alarms of a widget (CloudWatch User Guide, "Dashboard body structure and syntax")."""

_BY_MODEL = (
    "filter ispresent(model) | stats count(*) as requests, sum(status >= 500) as errors, sum(tokensIn) as tokens_in, "
    "sum(tokensOut) as tokens_out, pct(firstByteMilliseconds, 99) as first_byte_p99, "
    "pct(milliseconds, 99) as total_p99 by model | sort requests desc"
)
_BY_CALLER = (
    "filter ispresent(caller.kind) | stats count(*) as requests, sum(tokensIn) + sum(tokensOut) as tokens "
    "by caller.kind, caller.id, caller.owner | sort tokens desc | limit 20"
)
_BY_ERROR = (
    "filter ispresent(error) | stats count(*) as requests by error, status, model | sort requests desc | limit 20"
)
_TOKENS = "stats sum(tokensIn) as tokens_in, sum(tokensOut) as tokens_out by bin(1h)"


def add_dashboard(scope: LisaStack, *, load_balancer: LoadBalancer, services: Sequence[WatchedService]) -> None:
    """Add the dashboard, unless CloudFormation lacks the type in the Region.

    Metrics of models come from the audit log, so that the dashboard needs nothing of their stacks.

    Args:
        scope: the stack of the gateway.
        load_balancer: the gateway's.
        services: the gateway and the models.
    """
    deployment = scope.deployment
    if deployment.region.supports("AWS::CloudWatch::Dashboard") is False:
        return
    widgets = [*_of_gateway(load_balancer), *_of_services(deployment, services), *_of_audit_log(deployment)]
    region = deployment.config.region
    body = {
        "widgets": [
            {
                "type": kind,
                "x": index % (_COLUMNS // _WIDTH) * _WIDTH,
                "y": index // (_COLUMNS // _WIDTH) * _HEIGHT,
                "width": _WIDTH,
                "height": _HEIGHT,
                "properties": properties if kind == "alarm" else {"region": region, **properties},
            }
            for index, (kind, properties) in enumerate(widgets)
        ]
    }
    cloudwatch.CfnDashboard(
        scope,
        "Dashboard",
        dashboard_name=deployment.names.dashboard,
        dashboard_body=scope.to_json_string(body),
    )


def _of_gateway(load_balancer: LoadBalancer) -> list[tuple[str, dict[str, Any]]]:
    def metric(name: str, statistic: str, label: str) -> list[Any]:
        return [_BALANCER, name, "LoadBalancer", load_balancer.full_name, {"stat": statistic, "label": label}]

    requests = [
        metric("RequestCount", "Sum", "requests"),
        metric("HTTPCode_Target_4XX_Count", "Sum", "4xx"),
        metric("HTTPCode_Target_5XX_Count", "Sum", "5xx"),
        metric("HTTPCode_ELB_5XX_Count", "Sum", "5xx of the load balancer"),
    ]
    times = [metric("TargetResponseTime", statistic, statistic) for statistic in ("p50", "p90", "p99")]
    return [_graph("Gateway: requests a minute", requests), _graph("Gateway: seconds until the response begins", times)]


def _of_services(deployment: Deployment, services: Sequence[WatchedService]) -> list[tuple[str, dict[str, Any]]]:
    instances = [
        [
            "AWS/AutoScaling",
            "GroupInServiceInstances",
            "AutoScalingGroupName",
            service.cluster,
            {"stat": "Minimum", "label": service.id},
        ]
        for service in services
    ]
    alarms = [deployment.arn("cloudwatch", f"alarm:{name}") for service in services for name in service.alarms]
    group = deployment.names.audit_log_group
    metric = f'{{{METRIC_NAMESPACE},LogGroup,Group}} MetricName="BudgetUsed" LogGroup="{group}"'
    search = f"SEARCH('{metric}', 'Maximum', 300)"
    return [
        _graph("Instances in service", instances),
        *(
            ("alarm", {"title": "Alarms", "alarms": alarms[start : start + _MOST_ALARMS]})
            for start in range(0, len(alarms), _MOST_ALARMS)
        ),
        _graph("Token budgets used, percent", [[{"expression": search, "label": "${PROP('Dim.Group')}"}]]),
    ]


def _of_audit_log(deployment: Deployment) -> list[tuple[str, dict[str, Any]]]:
    source = f"SOURCE '{deployment.names.audit_log_group}' | "
    return [
        ("log", {"title": title, "query": source + query, "view": view})
        for title, query, view in (
            ("Models", _BY_MODEL, "table"),
            ("Callers with the most tokens", _BY_CALLER, "table"),
            ("Errors", _BY_ERROR, "table"),
            ("Tokens an hour", _TOKENS, "timeSeries"),
        )
    ]


def _graph(title: str, metrics: list[list[Any]]) -> tuple[str, dict[str, Any]]:
    return "metric", {"title": title, "view": "timeSeries", "period": _PERIOD_SECONDS, "metrics": metrics}
