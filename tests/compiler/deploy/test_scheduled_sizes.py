"""Drift: sizes that a schedule sets now are none, others are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lisa_compiler.artifacts.assembly import Stack
from lisa_compiler.aws.cloudformation import CloudFormation
from lisa_compiler.deploy import drift, scheduled_sizes
from lisa_compiler.provenance.index import Index

GROUP, ACTION = "AWS::AutoScaling::AutoScalingGroup", "AWS::AutoScaling::ScheduledAction"


def action(recurrence: str, least: int, most: int, **others: Any) -> dict[str, Any]:
    sizes = {"MinSize": least, "MaxSize": most, **others}
    return {
        "Type": ACTION,
        "Properties": {
            "AutoScalingGroupName": {"Ref": "Group"},
            "Recurrence": recurrence,
            "TimeZone": "Europe/Berlin",
            **sizes,
        },
    }


TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Group": {"Type": GROUP, "Properties": {"MinSize": "1", "MaxSize": "2"}},
        "Night": action("0 20 * * *", 0, 0, DesiredCapacity=0),
        "Day": action("0 7 * * *", 1, 2),
    }
}
NIGHT, DAY = {"MinSize": "0", "MaxSize": "0", "DesiredCapacity": "0"}, {"MinSize": "1", "MaxSize": "2"}


@pytest.mark.parametrize(
    ("utc", "sizes"),
    [
        ("2026-11-30T18:59", [DAY]),  # 19:59 in Berlin
        ("2026-11-30T19:05", [NIGHT, DAY]),  # Auto Scaling may be late
        ("2026-11-30T19:30", [NIGHT]),
        ("2026-12-01T05:59", [NIGHT]),
        ("2026-12-01T06:30", [DAY]),
        ("2026-07-01T18:30", [NIGHT]),  # daylight saving time
    ],
)
def test_sizes_follow_the_last_action_in_local_time(utc: str, sizes: list[dict[str, str]]) -> None:
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert scheduled_sizes.scheduled_sizes(TEMPLATE, "Group", now) == sizes
    assert scheduled_sizes.scheduled_sizes(TEMPLATE, "Other", now) == []


class _Client:
    """Finds drift: the group has the sizes of the night, and another cooldown."""

    def describe_stack_resource_drifts(self, **_: Any) -> dict[str, Any]:
        differences = [
            {
                "PropertyPath": f"/{name}",
                "ExpectedValue": expected,
                "ActualValue": actual,
                "DifferenceType": "NOT_EQUAL",
            }
            for name, expected, actual in (("MinSize", "1", "0"), ("MaxSize", "2", "0"), ("Cooldown", "420", "1"))
        ]
        return {
            "StackResourceDrifts": [
                {
                    "LogicalResourceId": "Group",
                    "ResourceType": GROUP,
                    "StackResourceDriftStatus": "MODIFIED",
                    "PropertyDifferences": differences,
                }
            ]
        }


@pytest.mark.parametrize(
    ("utc", "paths"), [("2026-11-30T21:00", ["Cooldown"]), ("2026-11-30T12:00", ["MinSize", "MaxSize", "Cooldown"])]
)
def test_what_the_schedule_sets_is_no_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, utc: str, paths: list[str]
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.fromisoformat(utc).replace(tzinfo=tz)

    monkeypatch.setattr(scheduled_sizes, "datetime", Clock)
    template = tmp_path / "model.template.json"
    template.write_text(json.dumps(TEMPLATE), encoding="utf-8")
    stack = Stack(component="model-a", name="a", template=template, tags={}, depends_on=(), reader=None, deployer=None)
    cloudformation = cast(CloudFormation, SimpleNamespace(client=_Client))
    found = drift._modified_outside(stack, Index({}), cloudformation)
    assert [item.path for item in found] == paths
