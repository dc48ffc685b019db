"""Scheduled capacity: what Auto Scaling and ECS do with the compiled templates."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from tests.compiler.conftest import MINIMAL, Project, manifest_of, model, resources, templates

from lisa_compiler.compile.provenance import index_of
from lisa_compiler.provenance.index import Place
from lisa_schema.recurrences import parse

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

METRIC = {"metricConfig": {"AlbMetricName": "RequestCountPerTarget", "targetValue": 30}}
NIGHTS = {
    "timeZone": "Europe/Berlin",
    "windows": [
        {"start": "20:00", "stop": "07:00", "days": ["MON", "TUE", "WED", "THU"], "minCapacity": 0},
        {"start": "0 20 * * FRI", "stop": "0 7 * * MON", "minCapacity": 0},
    ],
}
ACTION = "AWS::AutoScaling::ScheduledAction"


def scaled(least: int, most: int, schedule: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**METRIC, "minCapacity": least, "maxCapacity": most, **({"schedule": schedule} if schedule else {})}


def of_model(compiled: Callable[..., Compiled], scaling: dict[str, Any]) -> tuple[dict[str, Any], Compiled]:
    found = compiled(ecsModels=[model(autoScalingConfig=scaling)])
    return templates(found.files)["model-small"], found


def test_windows_are_scheduled_actions_of_the_models_group(compiled: Callable[..., Compiled]) -> None:
    template, _ = of_model(compiled, scaled(1, 2, NIGHTS))
    (group,) = [name for name, each in template["Resources"].items() if each["Type"].endswith("AutoScalingGroup")]
    actions = {each["Properties"]["Recurrence"]: each["Properties"] for each in resources(template, ACTION)}
    sizes = {
        recurrence: (each["MinSize"], each["MaxSize"], each.get("DesiredCapacity"))
        for recurrence, each in actions.items()
    }
    assert sizes == {
        "0 20 * * 1,2,3,4": (0, 0, 0),
        "0 7 * * 2,3,4,5": (1, 2, None),
        "0 20 * * 5": (0, 0, 0),
        "0 7 * * 1": (1, 2, None),
    }
    for each in actions.values():
        assert each["AutoScalingGroupName"] == {"Ref": group}
        assert each["TimeZone"] == "Europe/Berlin"
        assert parse(each["Recurrence"]).expression == each["Recurrence"]
    # An update in a window must not set the sizes of the template, and a task runs wherever an instance does.
    entry = template["Resources"][group]
    assert entry["UpdatePolicy"]["AutoScalingScheduledAction"] == {"IgnoreUnmodifiedGroupSizeProperties": True}
    assert "ScheduledActions" in entry["UpdatePolicy"]["AutoScalingRollingUpdate"]["SuspendProcesses"]
    assert "DesiredCapacity" not in entry["Properties"]
    (service,) = resources(template, "AWS::ECS::Service")
    assert service["Properties"]["SchedulingStrategy"] == "DAEMON"
    assert "DesiredCount" not in service["Properties"]


def test_botocore_accepts_what_the_actions_ask_of_auto_scaling(compiled: Callable[..., Compiled]) -> None:
    template, _ = of_model(compiled, scaled(1, 2, NIGHTS))
    client = boto3.client("autoscaling", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        for name, each in template["Resources"].items():
            if each["Type"] == ACTION:
                stubber.add_response("put_scheduled_update_group_action", {})
                given = {**each["Properties"], "AutoScalingGroupName": "group"}
                client.put_scheduled_update_group_action(ScheduledActionName=name, **given)


def test_without_a_schedule_nothing_is_scheduled(compiled: Callable[..., Compiled]) -> None:
    template, _ = of_model(compiled, scaled(1, 2))
    assert resources(template, ACTION) == []
    (group,) = resources(template, "AWS::AutoScaling::AutoScalingGroup")
    assert "AutoScalingScheduledAction" not in group["UpdatePolicy"]


def test_another_window_leaves_the_actions_of_the_others_alone(compiled: Callable[..., Compiled]) -> None:
    both, _ = of_model(compiled, scaled(1, 2, NIGHTS))
    last, _ = of_model(compiled, scaled(1, 2, {**NIGHTS, "windows": NIGHTS["windows"][1:]}))
    kept = {name: each for name, each in last["Resources"].items() if each["Type"] == ACTION}
    assert len(kept) == 2
    assert all(both["Resources"][name] == each for name, each in kept.items())


def test_tasks_of_the_gateway_follow_its_instances_in_a_window(compiled: Callable[..., Compiled]) -> None:
    window = {"start": "20:00", "stop": "07:00", "minCapacity": 1}
    rest = {
        **copy.deepcopy(dict(MINIMAL["restApiConfig"])),
        "autoScalingConfig": scaled(2, 2, {"timeZone": "Etc/UTC", "windows": [window]}),
    }
    template = templates(compiled(restApiConfig=rest).files)["serve"]
    (target,) = resources(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["Properties"]["MinCapacity"], target["Properties"]["MaxCapacity"]) == (1, 2)
    (service,) = resources(template, "AWS::ECS::Service")
    # A fixed number of tasks would be set again, and two would share the instance.
    assert "DesiredCount" not in service["Properties"]
    actions = [each["Properties"] for each in resources(template, ACTION)]
    assert {(each["MinSize"], each["MaxSize"]) for each in actions} == {(1, 2), (2, 2)}


def test_the_schedule_is_in_the_summary_the_costs_and_the_routes(compiled: Callable[..., Compiled]) -> None:
    _, found = of_model(compiled, scaled(1, 2, NIGHTS))
    summary = found.files["SUMMARY.md"].decode()
    # 44 and 59 of 168 hours.
    assert "| small | Europe/Berlin | 20:00 (Mon, Tue, Wed, Thu) | 07:00 (Tue, Wed, Thu, Fri) | 0 | 191.2 |" in summary
    assert "| small | Europe/Berlin | 20:00 (Fri) | 07:00 (Mon) | 0 | 256.4 |" in summary
    fit = json.loads(found.files["fit.json"])
    low, high = fit["cost"]["services"]["small"]["instanceHoursOfMonth"]
    assert (low, high) == pytest.approx((730 * 65 / 168, 2 * 730 * 65 / 168), abs=0.1)
    (route,) = json.loads(found.files["gateway/routes.json"])["models"]
    assert route["closed"].startswith("from 20:00 (Mon, Tue, Wed, Thu) to 07:00 (Tue, Wed, Thu, Fri) and from 20:00")
    _, plain = of_model(compiled, scaled(1, 2))
    assert "Schedules" not in plain.files["SUMMARY.md"].decode()
    assert "closed" not in json.loads(plain.files["gateway/routes.json"])["models"][0]
    assert "minPerMonth" not in plain.files["fit.json"].decode()


def test_a_scheduled_action_leads_to_the_keys_of_its_window(project: Project) -> None:
    project.write(ecsModels=[model(autoScalingConfig=scaled(1, 2, NIGHTS))])
    compiled = project.compile()
    output = project.folder / "generated" / "dev"
    for path, content in {**compiled.files, "manifest.json": manifest_of(compiled)}.items():
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_bytes(content)
    index = index_of(project.folder, output.parent, "dev", compiled.config)
    window = ("ecsModels", 0, "autoScalingConfig", "schedule", "windows", 1)
    template = templates(compiled.files)["model-small"]
    (weekend,) = [
        name
        for name, each in template["Resources"].items()
        if each["Type"] == ACTION and each["Properties"]["Recurrence"] == "0 20 * * 5"
    ]
    keys = index.keys_of(Place("model-small", weekend, "Recurrence"))
    assert (*window, "start") in keys
    assert ("ecsModels", 0, "autoScalingConfig", "schedule", "windows", 0, "start") not in keys
    zone = index.keys_of(Place("model-small", weekend, "TimeZone"))
    assert ("ecsModels", 0, "autoScalingConfig", "schedule", "timeZone") in zone
