"""Updates without an outage: what ECS and Auto Scaling do with the compiled templates."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import MINIMAL, TGI, resources, templates

from lisa_schema.instances import instance_type

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

Template = dict[str, Any]
EXTERNAL = {
    "model_name": "remote",
    "litellm_params": {"model": "openai/m", "api_base": "https://models.example.com/v1", "api_key": "ignored"},
    "lisa_params": {"model_type": "textgen", "streaming": True},
}
SCALING = {"metricConfig": {"AlbMetricName": "RequestCountPerTarget", "targetValue": 30}}


def with_capacity(least: int, most: int) -> dict[str, Any]:
    """The minimal configuration with this capacity of the gateway and of the model."""
    scaling = {**SCALING, "minCapacity": least, "maxCapacity": most}
    rest = {**copy.deepcopy(dict(MINIMAL["restApiConfig"])), "autoScalingConfig": scaling}
    return {"restApiConfig": rest, "ecsModels": [{**TGI, "autoScalingConfig": scaling}]}


@pytest.fixture
def stacks(compiled: Callable[..., Compiled]) -> Callable[[int, int], dict[str, Template]]:
    return lambda least, most: templates(compiled(**with_capacity(least, most)).files)


def only(template: Template, kind: str) -> dict[str, Any]:
    (found,) = resources(template, kind)
    return dict(found["Properties"])


def container(template: Template) -> dict[str, Any]:
    found = only(template, "AWS::ECS::TaskDefinition")["ContainerDefinitions"][0]
    return dict(found)


def test_gateway_has_a_new_task_before_the_old_one_is_stopped(stacks: Callable[..., dict[str, Template]]) -> None:
    template = stacks(1, 1)["serve"]
    service = only(template, "AWS::ECS::Service")
    assert (service["SchedulingStrategy"], service["DesiredCount"]) == ("REPLICA", 1)
    deployment = service["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    # Both tasks fit on one instance: in ports, and in memory (an instance registers at least 92 % of what it has).
    task, hardware = container(template), instance_type("m5.large")
    assert hardware is not None
    assert [port["HostPort"] for port in task["PortMappings"]] == [0]
    assert 2 * task["MemoryReservation"] <= 0.92 * hardware.memory_mib
    assert "Memory" not in task
    (rule,) = only(template, "AWS::EC2::SecurityGroup")["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"]) == (32768, 65535)
    assert "SourceSecurityGroupId" in rule
    assert resources(template, "AWS::ApplicationAutoScaling::ScalableTarget") == []


@pytest.mark.parametrize(("least", "percent", "stay"), [(1, 0, 0), (2, 50, 1), (3, 66, 2), (4, 75, 3), (10, 90, 9)])
def test_model_replaces_one_task_at_a_time(
    stacks: Callable[..., dict[str, Template]], least: int, percent: int, stay: int
) -> None:
    template = stacks(least, least)["model-small"]
    service = only(template, "AWS::ECS::Service")
    assert service["SchedulingStrategy"] == "DAEMON"
    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == percent
    # ECS rounds the tasks that must stay healthy up.
    assert math.ceil(percent / 100 * least) == stay
    assert [port["HostPort"] for port in container(template)["PortMappings"]] == [80]
    # Its instance has room for no other.
    hardware = instance_type("g5.xlarge")
    assert hardware is not None
    assert 2 * container(template)["MemoryReservation"] > hardware.memory_mib


@pytest.mark.parametrize(("most", "is_first"), [(1, False), (2, True)])
def test_another_instance_comes_first_where_a_model_may_have_two(
    stacks: Callable[..., dict[str, Template]], most: int, *, is_first: bool
) -> None:
    template = stacks(1, most)["model-small"]
    (task,) = [name for name, one in template["Resources"].items() if one["Type"] == "AWS::ECS::TaskDefinition"]
    data = only(template, "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
    tags = {tag["Key"]: tag["Value"] for one in data["TagSpecifications"] for tag in one["Tags"]}
    # A new revision changes the launch template, so that CloudFormation replaces the instance: the next one first.
    assert tags.get("lisa:task-definition") == ({"Ref": task} if is_first else None)
    (group,) = resources(template, "AWS::AutoScaling::AutoScalingGroup")
    assert group["UpdatePolicy"]["AutoScalingRollingUpdate"]["MinInstancesInService"] == int(is_first)
    # And ECS leaves the running task alone meanwhile.
    deployment = only(template, "AWS::ECS::Service")["DeploymentConfiguration"]
    assert deployment["MinimumHealthyPercent"] == (100 if is_first else 0)


@pytest.mark.parametrize(("least", "most"), [(1, 1), (1, 2), (2, 2), (2, 4)])
def test_the_gateways_next_instance_comes_first(
    stacks: Callable[..., dict[str, Template]], least: int, most: int
) -> None:
    template = stacks(least, most)["serve"]
    (group,) = resources(template, "AWS::AutoScaling::AutoScalingGroup")
    rolling = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
    # CloudFormation rejects as many instances in service as the maximum.
    assert 1 <= rolling["MinInstancesInService"] < int(group["Properties"]["MaxSize"])
    assert group["Properties"]["MinSize"] == str(least)
    assert "DesiredCapacity" not in group["Properties"]
    # Nothing but an update may start more than `maxCapacity`.
    assert int(group["Properties"]["MaxSize"]) == max(most, 2)
    assert len(resources(template, "AWS::AutoScaling::ScalingPolicy")) == (most > 1)


def test_a_change_of_models_changes_a_parameter_of_the_gateway_alone(compiled: Callable[..., Compiled]) -> None:
    changes = {
        "a hosted model": {"ecsModels": [TGI, {**TGI, "modelId": "second", "modelName": "org/second"}]},
        "an external model": {"litellmConfig": {"model_list": [EXTERNAL]}},
    }
    before = compiled()
    for change in changes.values():
        after = compiled(**change)
        old, new = (templates(each.files)["serve"]["Resources"] for each in (before, after))
        assert old.keys() == new.keys()
        changed = {name for name in old if old[name] != new[name]}
        assert "GatewayConfigurationParameter" in changed
        # The others list the hosted models, for the deprecated routes and for people.
        assert changed <= {"Dashboard", "GatewayConfigurationParameter", "RegisteredModelsParameter"}
        value = json.loads(new["GatewayConfigurationParameter"]["Properties"]["Value"])
        assets = json.loads(after.files["cloudformation/serve.assets.json"])["files"]
        for name, path in (("routes", "gateway/routes.json"), ("litellm", "litellm/config.yaml")):
            # What a reviewer reads is what is published, and what the gateway compares.
            assert value[name]["sha256"] == hashlib.sha256(after.files[path]).hexdigest()
            (place,) = assets[path]["destinations"].values()
            assert (place["bucketName"], place["objectKey"]) == (value[name]["bucket"], value[name]["key"])
            assert assets[path]["source"] == {"path": f"../{path}", "packaging": "file"}


def test_requests_in_flight_have_the_idle_timeout_to_end(stacks: Callable[..., dict[str, Template]]) -> None:
    for name, template in stacks(1, 2).items():
        for group in resources(template, "AWS::ElasticLoadBalancingV2::TargetGroup"):
            attributes = {each["Key"]: each["Value"] for each in group["Properties"]["TargetGroupAttributes"]}
            balancer = only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer")["LoadBalancerAttributes"]
            idle = next(each["Value"] for each in balancer if each["Key"] == "idle_timeout.timeout_seconds")
            assert int(attributes["deregistration_delay.timeout_seconds"]) >= int(idle), name


def scaled(template: Template, instances: int, tasks: int) -> int:
    """The number of tasks after Application Auto Scaling has acted once on its alarms."""
    target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    difference = instances - tasks if tasks > 0 else 0
    for alarm in _step_alarms(template):
        is_high = alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        threshold = alarm["Threshold"]
        if not (difference >= threshold if is_high else difference <= threshold):
            continue
        policy = template["Resources"][alarm["AlarmActions"][0]["Ref"]]["Properties"]
        (step,) = [
            each
            for each in policy["StepScalingPolicyConfiguration"]["StepAdjustments"]
            if _applies(each, difference - threshold, is_high=is_high)
        ]
        tasks += step["ScalingAdjustment"]
    return int(min(max(tasks, target["MinCapacity"]), target["MaxCapacity"]))


def _step_alarms(template: Template) -> Iterator[dict[str, Any]]:
    policies = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::ApplicationAutoScaling::ScalingPolicy"
    }
    for alarm in resources(template, "AWS::CloudWatch::Alarm"):
        if any(action.get("Ref") in policies for action in alarm["Properties"].get("AlarmActions", [])):
            yield alarm["Properties"]


def _applies(step: dict[str, Any], breach: float, *, is_high: bool) -> bool:
    """Whether a step is chosen: lower bounds are inclusive above the threshold, upper ones below (API reference)."""
    low = step.get("MetricIntervalLowerBound", -math.inf)
    high = step.get("MetricIntervalUpperBound", math.inf)
    return bool(low <= breach < high if is_high else low < breach <= high)


@pytest.mark.parametrize(("least", "most"), [(1, 2), (2, 6), (1, 30)])
def test_tasks_of_the_gateway_follow_its_instances(
    stacks: Callable[..., dict[str, Template]], least: int, most: int
) -> None:
    template = stacks(least, most)["serve"]
    assert "DesiredCount" not in only(template, "AWS::ECS::Service")
    for instances in range(least, most + 1):
        for tasks in range(least, most + 1):
            now = tasks
            for _ in range(4):
                now = scaled(template, instances, now)
            assert now == instances, (instances, tasks)
    # A new task is placed on the instance that was added, and no task that does not get healthy is multiplied.
    assert only(template, "AWS::ECS::Service")["PlacementStrategies"] == [{"Type": "spread", "Field": "instanceId"}]
    assert scaled(template, most, 0) == least


def test_model_with_fixed_and_variable_capacity_has_no_task_scaling(stacks: Callable[..., dict[str, Template]]) -> None:
    template = stacks(1, 4)["model-small"]
    assert resources(template, "AWS::ApplicationAutoScaling::ScalableTarget") == []
    assert "DesiredCount" not in only(template, "AWS::ECS::Service")


def test_group_collects_the_metrics_that_alarms_read(stacks: Callable[..., dict[str, Template]]) -> None:
    for component in ("serve", "model-small"):
        template = stacks(1, 2)[component]
        group = only(template, "AWS::AutoScaling::AutoScalingGroup")
        collected = {metric for each in group["MetricsCollection"] for metric in each["Metrics"]}
        used = {
            query["MetricStat"]["Metric"]["MetricName"]
            for alarm in resources(template, "AWS::CloudWatch::Alarm")
            for query in alarm["Properties"].get("Metrics", [])
            if query.get("MetricStat", {}).get("Metric", {}).get("Namespace") == "AWS/AutoScaling"
        }
        assert used <= collected
