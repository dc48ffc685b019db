"""What `lisa diff` says when instances boot another AMI."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_compiler.review.change import compare
from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output

from .conftest import ENVIRONMENT
from .outputs import output, resource

OLD, NEW = "ami-0123456789abcdef0", "ami-0123456789abcdef1"
NAME = "/aws/service/ecs/image_id"
UNPINNED = {"Type": "AWS::EC2::Image::Id"}
DYNAMIC = {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": NAME}


def serve(image: Any, parameter: dict[str, str] | None = None) -> Output:
    version = {"Fn::GetAtt": ["Template", "LatestVersionNumber"]}
    policy = {"AutoScalingRollingUpdate": {"MaxBatchSize": 1, "MinInstancesInService": 1, "PauseTime": "PT5M"}}
    group = resource(
        "AutoScaling::AutoScalingGroup",
        MinSize="1",
        MaxSize="2",
        LaunchTemplate={"LaunchTemplateId": {"Ref": "Template"}, "Version": version},
        UpdatePolicy=policy,
    )
    data = {"InstanceType": "m5.large", "ImageId": image}
    template = resource("EC2::LaunchTemplate", LaunchTemplateData=data)
    parameters = {"serve": {"InstanceImage": parameter}} if parameter else None
    return output({"serve": {"Template": template, "Group": group}}, parameters=parameters)


def found(before: Output, after: Output, category: ImpactCategory) -> list[str]:
    return [one.text for one in compare(ENVIRONMENT, before, after).impacts if one.category is category]


def test_another_ami_replaces_the_instances() -> None:
    before, after = serve(OLD), serve(NEW)
    assert found(before, after, ImpactCategory.CODE_CHANGED) == [
        f"The instances of **serve** are replaced to boot another AMI: `{OLD}` → `{NEW}`."
    ]
    (interruption,) = found(before, after, ImpactCategory.INTERRUPTION)
    assert "its instances are replaced" in interruption


def test_the_same_ami_is_not_told() -> None:
    assert found(serve(OLD), serve(OLD), ImpactCategory.CODE_CHANGED) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (serve({"Ref": "InstanceImage"}, UNPINNED), serve(NEW), f"none (not pinned) → `{NEW}`"),
        (serve(OLD), serve({"Ref": "InstanceImage"}, DYNAMIC), f"`{OLD}` → `{NAME}`, resolved at each deployment"),
        (
            serve({"Ref": "InstanceImage"}, DYNAMIC),
            serve({"Ref": "InstanceImage"}, UNPINNED),
            f"`{NAME}`, resolved at each deployment → none (not pinned)",
        ),
    ],
)
def test_where_the_ami_comes_from_is_told(before: Output, after: Output, told: str) -> None:
    (text,) = found(before, after, ImpactCategory.CODE_CHANGED)
    assert text.endswith(f": {told}.")
