"""Groups grow with traffic and shrink without it, by the rules of target tracking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import TGI, Project, resources, templates

from aws_fidelity.target_tracking import capacity
from lisa_compiler.compile.pipeline import compile_environment

ROOT = Path(__file__).resolve().parents[2]
BUSY, QUIET = [1_000_000.0] * 30, [None] * 120
"""Requests for each target in a minute: far above the target value; none, which ELB does not publish."""


def policies(files: Any) -> list[dict[str, Any]]:
    return [
        policy["Properties"]["TargetTrackingConfiguration"]
        for template in templates(files).values()
        for policy in resources(template, "AWS::AutoScaling::ScalingPolicy")
    ]


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_group_grows_with_traffic_and_shrinks_without(environment: str) -> None:
    found = policies(compile_environment(ROOT, environment).files)
    assert len(found) >= 2
    for configuration in found:
        assert capacity(configuration, BUSY, least=1, most=4) == 4
        assert capacity(configuration, BUSY + QUIET, least=1, most=4) == 1


def test_metric_with_gaps_never_shrinks_a_group() -> None:
    """The fault: a group that had grown stayed so, and was billed, once traffic ended."""
    configuration = {
        "TargetValue": 30,
        "CustomizedMetricSpecification": {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCountPerTarget"},
    }
    assert capacity(configuration, BUSY + QUIET, least=1, most=4) == 4


def test_single_requests_do_not_keep_a_group_large(tmp_path: Path) -> None:
    found = policies(Project(tmp_path).write().compile().files)
    trickle = [1.0 if minute % 10 == 0 else None for minute in range(120)]
    assert [capacity(each, BUSY + trickle, least=1, most=4) for each in found] == [1] * len(found)


@pytest.mark.parametrize(
    ("duration", "name", "statistic"), [(30, "RequestCount", "Sum"), (300, "TargetResponseTime", "Average")]
)
def test_metric_is_taken_over_the_minute_that_elb_publishes(
    tmp_path: Path, duration: int, name: str, statistic: str
) -> None:
    scaling = {"metricConfig": {"AlbMetricName": name, "targetValue": 5, "duration": duration}}
    files = Project(tmp_path).write(ecsModels=[{**TGI, "autoScalingConfig": scaling}]).compile().files
    [query] = [
        each["MetricStat"]
        for configuration in policies({path: text for path, text in files.items() if "model-" in path})
        for each in configuration["CustomizedMetricSpecification"]["Metrics"]
        if "MetricStat" in each
    ]
    assert (query["Period"], query["Stat"], query["Metric"]["MetricName"]) == (60, statistic, name)
    assert {dimension["Name"] for dimension in query["Metric"]["Dimensions"]} == {"LoadBalancer", "TargetGroup"}


def test_isolated_region_uses_the_predefined_metric() -> None:
    for configuration in policies(compile_environment(ROOT, "airgap").files):
        predefined = configuration["PredefinedMetricSpecification"]
        assert predefined["PredefinedMetricType"] == "ALBRequestCountPerTarget"
        balancer, separator, target_group = predefined["ResourceLabel"]["Fn::Join"][1]
        assert balancer["Fn::GetAtt"][1] == "LoadBalancerFullName"
        assert separator == "/"
        assert target_group["Fn::GetAtt"][1] == "TargetGroupFullName"
