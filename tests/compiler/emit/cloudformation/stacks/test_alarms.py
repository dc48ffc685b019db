"""Alarms: which there are, whom they notify, and at which values of their metrics they are raised."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import MINIMAL, TGI, resources, templates

from lisa_gateway.audit import record
from lisa_gateway.request_context import RequestContext

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

TOPIC = "arn:aws:sns:us-east-1:999999999999:operations"
ACM = "arn:aws:acm:us-east-1:123456789012:certificate/0123"
SCALING = ("AWS::ApplicationAutoScaling::ScalingPolicy", "AWS::ApplicationAutoScaling::ScalableTarget")

Template = dict[str, Any]


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Alarms that people see, by name; those that scale tasks have none."""
    found = [each["Properties"] for each in resources(template, "AWS::CloudWatch::Alarm")]
    return {each["AlarmName"]: each for each in found if "AlarmName" in each}


def value(alarm: Mapping[str, Any], **metrics: float | None) -> float:
    """The result of an alarm's formula for values of its metrics by query id; None where there are none."""
    (formula,) = [query["Expression"] for query in alarm["Metrics"] if query.get("ReturnData")]
    ids = {query["Id"] for query in alarm["Metrics"] if "MetricStat" in query}
    assert ids == metrics.keys()
    source = re.sub(r"\bIF\(", "choose(", re.sub(r"\bFILL\(", "fill(", formula))
    functions = {
        "choose": lambda condition, yes, no: yes if condition else no,
        "fill": lambda found, instead: instead if found is None else found,
    }
    # Metric math evaluates both sides of IF, and a division by 0 is no value.
    try:
        return float(eval(source, functions, dict(metrics)))
    except ZeroDivisionError:
        return 0.0


@pytest.fixture
def stacks(compiled: Callable[..., Compiled]) -> dict[str, Template]:
    return templates(compiled(alarmTopicArn=TOPIC, ecsModels=[dict(TGI)]).files)


def test_each_service_has_its_alarms_which_notify_the_topic(stacks: dict[str, Template]) -> None:
    common = {"unhealthy", "errors", "latency", "capacity"}
    for component, service, own in (("serve", "rest-api", {"budget", "audit"}), ("model-small", "small", {"idle"})):
        found = alarms(stacks[component])
        assert set(found) == {f"test-lisa-dev-{service}-{what}" for what in common | own}
        for alarm in found.values():
            assert (alarm["AlarmActions"], alarm["OKActions"]) == ([TOPIC], [TOPIC])
            period = alarm.get("Period") or alarm["Metrics"][0]["MetricStat"]["Period"]
            assert alarm["EvaluationPeriods"] * period <= 86400


def test_alarms_without_topic_notify_nothing(compiled: Callable[..., Compiled]) -> None:
    for alarm in alarms(templates(compiled().files)["serve"]).values():
        assert "AlarmActions" not in alarm
        assert "OKActions" not in alarm


def test_alarms_that_scale_tasks_notify_nobody(stacks: dict[str, Template]) -> None:
    template = stacks["serve"]
    scaling = [
        each["Properties"]
        for each in resources(template, "AWS::CloudWatch::Alarm")
        if "AlarmName" not in each["Properties"]
    ]
    assert len(scaling) == 2
    for alarm in scaling:
        assert [template["Resources"][action["Ref"]]["Type"] for action in alarm["AlarmActions"]] == [SCALING[0]]


@pytest.mark.parametrize(
    ("target", "balancer", "requests", "is_raised"),
    [
        (None, None, None, False),
        (None, None, 5000, False),
        (4, None, 10, False),  # too few to mean anything
        (5, None, 100, True),
        (5, None, 101, False),
        (None, 30, None, True),  # no target: the load balancer answers 503 itself
        (None, 30, 5000, False),
    ],
)
def test_errors_are_a_share_of_the_requests(
    stacks: dict[str, Template],
    target: float | None,
    balancer: float | None,
    requests: float | None,
    is_raised: bool,
) -> None:
    alarm = alarms(stacks["model-small"])["test-lisa-dev-small-errors"]
    result = value(alarm, target=target, balancer=balancer, requests=requests)
    assert (result >= alarm["Threshold"]) is is_raised


@pytest.mark.parametrize(
    ("desired", "healthy", "is_raised"),
    [(2, 2, False), (2, 1, True), (1, None, True), (0, None, False), (1, 2, False)],
)
def test_capacity_is_short_when_tasks_are_fewer_than_desired_instances(
    stacks: dict[str, Template], desired: float, healthy: float | None, is_raised: bool
) -> None:
    alarm = alarms(stacks["model-small"])["test-lisa-dev-small-capacity"]
    assert (value(alarm, desired=desired, healthy=healthy) >= alarm["Threshold"]) is is_raised
    # A new instance has its time to get ready first.
    assert alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"] > 60


@pytest.mark.parametrize(("unhealthy", "is_raised"), [(None, False), (0, False), (1, True)])
def test_unhealthy_targets(stacks: dict[str, Template], unhealthy: float | None, is_raised: bool) -> None:
    alarm = alarms(stacks["serve"])["test-lisa-dev-rest-api-unhealthy"]
    assert (value(alarm, unhealthy=unhealthy) >= alarm["Threshold"]) is is_raised


@pytest.mark.parametrize(
    ("slowest", "requests", "is_raised"), [(None, None, False), (119, 50, False), (120, 5, True), (500, 4, False)]
)
def test_latency_counts_where_there_are_requests(
    stacks: dict[str, Template], slowest: float | None, requests: float | None, is_raised: bool
) -> None:
    alarm = alarms(stacks["serve"])["test-lisa-dev-rest-api-latency"]
    assert (value(alarm, slowest=slowest, requests=requests) >= alarm["Threshold"]) is is_raised


@pytest.mark.parametrize(
    ("running", "requests", "is_raised"),
    [(1, None, True), (2, 0, True), (1, 1, False), (0, None, False), (None, None, False)],
)
def test_gpus_that_run_without_requests_for_a_day(
    stacks: dict[str, Template], running: float | None, requests: float | None, is_raised: bool
) -> None:
    alarm = alarms(stacks["model-small"])["test-lisa-dev-small-idle"]
    assert (value(alarm, running=running, requests=requests) >= alarm["Threshold"]) is is_raised
    assert alarm["EvaluationPeriods"] == alarm["DatapointsToAlarm"] == 24


def test_audit_records_publish_what_the_alarms_watch(stacks: dict[str, Template]) -> None:
    names = {}
    for name, alarm in alarms(stacks["serve"]).items():
        if alarm.get("Namespace") == record.NAMESPACE:
            (dimension,) = alarm["Dimensions"]
            group = stacks["serve"]["Resources"][dimension["Value"]["Ref"]]["Properties"]
            assert (dimension["Name"], group["LogGroupName"]) == ("LogGroup", "/lisa/test-lisa-dev-rest-api/audit")
            names[name.rpartition("-")[2]] = (alarm["MetricName"], alarm["Threshold"])
    assert names == {"budget": ("BudgetUsed", 80), "audit": ("AuditRecordsLost", 1)}
    context = RequestContext(request_id="r", began=0.0, budget=("team", 80.0))
    lines = record.audit_line(context, "POST", 1.0, 1.0, log_group="g") + record.loss_line(1, 1.0, log_group="g")
    published = [
        metric["Name"]
        for line in lines.splitlines()
        for metrics in json.loads(line)["_aws"]["CloudWatchMetrics"]
        for metric in metrics["Metrics"]
    ]
    assert set(published) == {metric for metric, _ in names.values()}


def test_certificates_of_acm_have_an_alarm(compiled: Callable[..., Compiled]) -> None:
    rest = {
        **MINIMAL["restApiConfig"],
        "loadBalancerConfig": {**MINIMAL["restApiConfig"]["loadBalancerConfig"], "sslCertIamArn": ACM},
    }
    domain = {"domainName": "chat.example.com", "certificateArn": ACM}
    stacks = templates(compiled(restApiConfig=rest, apiGatewayConfig=domain).files)
    for component, name in (("serve", "rest-api"), ("api-deployment", "api")):
        alarm = alarms(stacks[component])[f"test-lisa-dev-{name}-certificate"]
        assert alarm["Dimensions"] == [{"Name": "CertificateArn", "Value": ACM}]
        assert (alarm["MetricName"], alarm["ComparisonOperator"]) == ("DaysToExpiry", "LessThanOrEqualToThreshold")


def test_long_names_of_models_have_alarms_of_their_own(compiled: Callable[..., Compiled]) -> None:
    models = [{**TGI, "modelId": f"{'m' * 225}{last}"} for last in "ab"]
    stacks = templates(compiled(ecsModels=models).files)
    names = [name for each in stacks.values() for name in alarms(each) if name.startswith("test-lisa-dev-mmm")]
    assert len(names) == len(set(names)) == 10
    assert all(len(name) <= 255 for name in names)


def test_requests_at_times_without_instances_are_no_errors_of_the_model(compiled: Callable[..., Compiled]) -> None:
    window = {"start": "20:00", "stop": "07:00", "minCapacity": 0}
    scaling = {**TGI["autoScalingConfig"], "schedule": {"timeZone": "Etc/UTC", "windows": [window]}}
    template = templates(compiled(ecsModels=[{**TGI, "autoScalingConfig": scaling}]).files)["model-small"]
    alarm = alarms(template)["test-lisa-dev-small-errors"]
    rejected = {"target": None, "balancer": 20, "requests": None}
    assert value(alarm, desired=0, **rejected) == 0
    # With instances, or where Auto Scaling does not say, they are.
    assert value(alarm, desired=1, **rejected) == 100
    assert value(alarm, desired=None, **rejected) == 100
    idle = alarms(template)["test-lisa-dev-small-idle"]
    assert value(idle, running=0, requests=None) == 0
