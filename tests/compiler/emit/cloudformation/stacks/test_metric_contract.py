"""Every metric that an alarm or the dashboard asks for is one that something of the deployment publishes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import TGI, model, resources, templates

from lisa_gateway.audit import record
from lisa_gateway.request_context import RequestContext
from lisa_gateway.routing.document import RoutingTable

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
ACCESS = {"everyone": {"auditContent": True}, "auditContentStore": {"keyArn": KEY}}
# Elastic Load Balancing User Guide, "CloudWatch metrics for your Application Load Balancer".
OF_BALANCER = {
    *("RequestCount", "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count"),
    *("TargetResponseTime", "ActiveConnectionCount", "NewConnectionCount", "RejectedConnectionCount"),
}
OF_TARGETS = {"HealthyHostCount", "UnHealthyHostCount", "RequestCountPerTarget"}

Template = dict[str, Any]
Metric = tuple[str, str, str, dict[str, Any]]
"""Component, namespace, name and dimensions."""


@pytest.fixture
def stacks(compiled: Callable[..., Compiled]) -> dict[str, Template]:
    return templates(compiled(accessConfig=ACCESS, ecsModels=[dict(TGI)]).files)


def environment(stacks: Mapping[str, Template]) -> dict[str, Any]:
    """Variables of the gateway's container."""
    (task,) = resources(stacks["serve"], "AWS::ECS::TaskDefinition")
    return {each["Name"]: each["Value"] for each in task["Properties"]["ContainerDefinitions"][0]["Environment"]}


def of_alarms(stacks: Mapping[str, Template]) -> Iterator[Metric]:
    for component, template in stacks.items():
        for alarm in resources(template, "AWS::CloudWatch::Alarm"):
            found = alarm["Properties"]
            queries = [query["MetricStat"]["Metric"] for query in found.get("Metrics", []) if "MetricStat" in query]
            for metric in queries or [found]:
                dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
                yield component, metric["Namespace"], metric["MetricName"], dimensions


def widgets(stacks: Mapping[str, Template]) -> list[dict[str, Any]]:
    (dashboard,) = resources(stacks["serve"], "AWS::CloudWatch::Dashboard")
    body = dashboard["Properties"]["DashboardBody"]
    parts = body["Fn::Join"][1] if isinstance(body, dict) else [body]
    # References are JSON in the text: a widget then has what an alarm has.
    text = "".join(part if isinstance(part, str) else "REFERENCE" for part in parts)
    found: list[dict[str, Any]] = json.loads(text)["widgets"]
    return found


def of_dashboard(stacks: Mapping[str, Template]) -> Iterator[Metric]:
    for widget in widgets(stacks):
        for row in widget["properties"].get("metrics", []):
            if isinstance(row[0], str):
                names = [each for each in row[2:] if isinstance(each, str)]
                yield "serve", row[0], row[1], dict(zip(names[::2], names[1::2], strict=True))


def published(log_group: str) -> dict[str, list[dict[str, Any]]]:
    """Metrics of audit records by name: for each set of dimensions, their values. CloudWatch reads them like this."""
    context = RequestContext(request_id="r", began=0.0, budget=("team", 80.0), audited_content="incomplete")
    lines = [record.audit_line(context, "POST", 1.0, 1.0, log_group=log_group)]
    lines.append(record.loss_line(3, 1.0, log_group=log_group))
    found: dict[str, list[dict[str, Any]]] = {}
    for line in map(json.loads, lines):
        for metrics in line["_aws"]["CloudWatchMetrics"]:
            assert metrics["Namespace"] == record.NAMESPACE
            for metric in metrics["Metrics"]:
                assert isinstance(line[metric["Name"]], int | float)
                sets = [{name: line[name] for name in names} for names in metrics["Dimensions"]]
                found.setdefault(metric["Name"], []).extend(sets)
    return found


def test_every_metric_is_published(stacks: dict[str, Template]) -> None:
    log_group = environment(stacks)["AUDIT_LOG_GROUP"]
    own = published(log_group)
    groups = {
        group["Properties"]["AutoScalingGroupName"]: group["Properties"]
        for template in stacks.values()
        for group in resources(template, "AWS::AutoScaling::AutoScalingGroup")
    }
    names = set()
    for component, namespace, name, dimensions in (*of_alarms(stacks), *of_dashboard(stacks)):
        names.add((namespace, name))
        if namespace == record.NAMESPACE:
            values = {key: _resolved(stacks[component], value) for key, value in dimensions.items()}
            assert values in own[name], (name, values)
        elif namespace == "AWS/AutoScaling":
            (collection,) = groups[dimensions["AutoScalingGroupName"]]["MetricsCollection"]
            assert name in collection["Metrics"]
        elif namespace == "AWS/ApplicationELB":
            assert name in OF_TARGETS | OF_BALANCER
            of_targets = {"LoadBalancer", "TargetGroup"}
            assert set(dimensions) in ([of_targets] if name in OF_TARGETS else [{"LoadBalancer"}, of_targets]), name
            for value in dimensions.values():
                assert value == "REFERENCE" or _is_own(stacks[component], value), value
        else:
            raise AssertionError((namespace, name))
    assert {name for namespace, name in names if namespace == record.NAMESPACE} == set(own)
    assert {namespace for namespace, _ in names} == {record.NAMESPACE, "AWS/AutoScaling", "AWS/ApplicationELB"}


def test_searches_of_the_dashboard_find_what_is_published(stacks: dict[str, Template]) -> None:
    log_group = environment(stacks)["AUDIT_LOG_GROUP"]
    own = published(log_group)
    expressions = [
        row[0]["expression"]
        for widget in widgets(stacks)
        for row in widget["properties"].get("metrics", [])
        if isinstance(row[0], dict)
    ]
    (expression,) = expressions
    found = re.search(r"\{(?P<schema>[^}]*)\} MetricName=\"(?P<name>\w+)\" LogGroup=\"(?P<group>[^\"]*)\"", expression)
    assert found
    namespace, *dimensions = found["schema"].split(",")
    assert namespace == record.NAMESPACE
    assert found["group"] == log_group
    assert set(dimensions) in [set(each) for each in own[found["name"]]]


def test_queries_of_the_dashboard_read_the_log_that_the_gateway_writes(stacks: dict[str, Template]) -> None:
    log_group = environment(stacks)["AUDIT_LOG_GROUP"]
    queries = [each["properties"]["query"] for each in widgets(stacks) if each["type"] == "log"]
    assert queries
    assert all(query.startswith(f"SOURCE '{log_group}' | ") for query in queries)


def _resolved(template: Template, value: Any) -> Any:
    if isinstance(value, Mapping) and "Ref" in value:
        return template["Resources"][value["Ref"]]["Properties"]["LogGroupName"]
    return value


def _is_own(template: Template, value: Any) -> bool:
    """Whether a dimension is an attribute of a load balancer or target group of the stack."""
    name, attribute = value["Fn::GetAtt"] if isinstance(value, Mapping) else ("", "")
    kinds = {"LoadBalancerFullName": "LoadBalancer", "TargetGroupFullName": "TargetGroup"}
    kind = template["Resources"].get(name, {}).get("Type", "").rpartition("::")[2]
    return kinds.get(attribute) == kind


def test_models_scale_on_the_metric_that_the_gateway_publishes(compiled: Callable[..., Compiled]) -> None:
    scaling = {"metricConfig": {"gatewayMetric": "RequestsInFlight", "targetValue": 8}}
    found = compiled(ecsModels=[model(autoScalingConfig=scaling)])
    stacks = templates(found.files)
    (policy,) = resources(stacks["model-small"], "AWS::AutoScaling::ScalingPolicy")
    tracking = policy["Properties"]["TargetTrackingConfiguration"]
    queries = {each["Id"]: each for each in tracking["CustomizedMetricSpecification"]["Metrics"]}
    metric = queries["milliseconds"]["MetricStat"]["Metric"]
    dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
    # The routes name the service, and the gateway publishes the duration of each request for it.
    table = RoutingTable.read(found.files["gateway/routes.json"])
    routed = table.find("small")
    assert routed is not None
    log_group = environment(stacks)["AUDIT_LOG_GROUP"]
    context = RequestContext(request_id="r", began=10.0, model="small", scaled_service=routed.scaled_service)
    line = json.loads(record.audit_line(context, "POST", 10.5, 1.0, log_group=log_group))
    (published,) = line["_aws"]["CloudWatchMetrics"]
    assert (published["Namespace"], published["Metrics"][0]["Name"]) == (metric["Namespace"], metric["MetricName"])
    assert dimensions in [{name: line[name] for name in names} for names in published["Dimensions"]]
    assert line[metric["MetricName"]] == pytest.approx(500)
    # 4 requests of 30 s end in a minute, on one instance: two are in flight on average; on two, one on each.
    formula = queries["inflight"]["Expression"]
    assert value(formula, milliseconds=120_000, instances=1) == 2
    assert value(formula, milliseconds=120_000, instances=2) == 1
    assert value(formula, milliseconds=None, instances=1) == 0
    assert value(formula, milliseconds=120_000, instances=0) == 0
    assert value(formula, milliseconds=120_000, instances=None) == 0
    (group,) = resources(stacks["model-small"], "AWS::AutoScaling::AutoScalingGroup")
    (collected,) = group["Properties"]["MetricsCollection"]
    instances = queries["instances"]["MetricStat"]["Metric"]
    assert instances["MetricName"] in collected["Metrics"]
    assert instances["Dimensions"] == [
        {"Name": "AutoScalingGroupName", "Value": group["Properties"]["AutoScalingGroupName"]}
    ]


def test_requests_of_other_models_are_no_metric() -> None:
    context = RequestContext(request_id="r", began=0.0, model="small")
    line = json.loads(record.audit_line(context, "POST", 1.0, 1.0, log_group="g"))
    assert "_aws" not in line
    assert "RequestMilliseconds" not in line


def value(formula: str, **metrics: float | None) -> float:
    """The result of metric math; a division by 0 has none, and the policy sees 0."""
    source = re.sub(r"\bIF\(", "choose(", re.sub(r"\bFILL\(", "fill(", formula))
    functions = {
        "choose": lambda condition, yes, no: yes if condition else no,
        "fill": lambda found, instead: instead if found is None else found,
    }
    try:
        return float(eval(source, functions, dict(metrics)))
    except (ZeroDivisionError, TypeError):
        return 0.0
