"""What load balancers and ECS are told about a drain that is configured."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import MINIMAL, resources, templates

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.compile.pipeline import Compiled


@pytest.mark.parametrize(("drain", "stop", "deregistration"), [(None, 120, 600), ("10", 40, 600), ("3570", 3600, 3600)])
def test_requests_have_as_long_after_deregistration_as_after_sigterm(
    compiled: Callable[..., Compiled], drain: str | None, stop: int, deregistration: int
) -> None:
    rest: dict[str, Any] = copy.deepcopy(dict(MINIMAL["restApiConfig"]))
    if drain is not None:
        rest["containerConfig"]["environment"] = {"DRAIN_TIMEOUT": drain}
    serve = templates(compiled(restApiConfig=rest).files)["serve"]
    (task,) = resources(serve, "AWS::ECS::TaskDefinition")
    assert task["Properties"]["ContainerDefinitions"][0]["StopTimeout"] == stop
    (group,) = resources(serve, "AWS::ElasticLoadBalancingV2::TargetGroup")
    attributes = {each["Key"]: each["Value"] for each in group["Properties"]["TargetGroupAttributes"]}
    assert attributes["deregistration_delay.timeout_seconds"] == str(deregistration)
