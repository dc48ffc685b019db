"""Which AMI a service's instances boot."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import MINIMAL, TGI

from lisa_compiler.plan import plan
from lisa_compiler.plan.amis import (
    GPU_PARAMETER,
    STANDARD_PARAMETER,
    AmiLock,
    ConfiguredAmi,
    DynamicAmi,
    LockedAmi,
    PinnedAmi,
    UnpinnedAmi,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]

OWN, SHARED = "ami-0123456789abcdef0", "ami-0123456789abcdef1"


def locked(image_id: str = SHARED) -> LockedAmi:
    return LockedAmi(id=image_id, name="n", owner="1", creation_date="2026-11-05", deprecation_time=None, version=3)


def rest_api(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(MINIMAL["restApiConfig"])), **changes}


def model(**changes: Any) -> list[dict[str, Any]]:
    return [{**copy.deepcopy(dict(TGI)), **changes}]


def test_without_a_lock_file_nothing_is_pinned(planned: Planned) -> None:
    deployment = planned()
    assert deployment.rest_api.ami == UnpinnedAmi(STANDARD_PARAMETER)
    assert deployment.models[0].service.ami == UnpinnedAmi(GPU_PARAMETER)


def test_a_model_without_gpus_boots_the_standard_ami(planned: Planned) -> None:
    deployment = planned(ecsModels=model(instanceType="m5.xlarge"))
    assert deployment.models[0].service.ami == UnpinnedAmi(STANDARD_PARAMETER)


@pytest.mark.parametrize(
    ("own", "shared", "expected"),
    [
        ({"amiId": OWN}, {"amiId": SHARED}, ConfiguredAmi(OWN)),
        ({"amiId": OWN}, {"amiParameter": "/shared"}, ConfiguredAmi(OWN)),
        ({"amiParameter": "/own"}, {"amiId": SHARED}, UnpinnedAmi("/own")),
        ({}, {"amiId": SHARED}, ConfiguredAmi(SHARED)),
        ({}, {"amiParameter": "/shared"}, UnpinnedAmi("/shared")),
        ({}, {"gpuAmiId": SHARED}, UnpinnedAmi(STANDARD_PARAMETER)),
        ({}, {"resolveAtDeployment": True}, DynamicAmi(STANDARD_PARAMETER)),
        ({"amiParameter": "/own"}, {"resolveAtDeployment": True}, DynamicAmi("/own")),
        ({"amiId": OWN}, {"resolveAtDeployment": True}, ConfiguredAmi(OWN)),
    ],
)
def test_the_ami_of_a_service_has_precedence(
    planned: Planned, own: dict[str, Any], shared: dict[str, Any], expected: object
) -> None:
    assert planned(restApiConfig=rest_api(**own), amiConfig=shared).rest_api.ami == expected


def test_models_with_gpus_have_a_default_of_their_own(planned: Planned) -> None:
    deployment = planned(amiConfig={"amiId": OWN, "gpuAmiId": SHARED})
    assert (deployment.rest_api.ami, deployment.models[0].service.ami) == (ConfiguredAmi(OWN), ConfiguredAmi(SHARED))


def test_the_lock_file_pins_a_parameter(planned: Planned) -> None:
    lock = AmiLock(region="us-east-1", amis={GPU_PARAMETER: locked()})
    deployment = plan("dev", planned().config, lock)
    assert deployment.models[0].service.ami == PinnedAmi(GPU_PARAMETER, locked())
    assert deployment.rest_api.ami == UnpinnedAmi(STANDARD_PARAMETER)


def test_a_lock_file_of_another_region_pins_nothing(planned: Planned) -> None:
    lock = AmiLock(region="us-west-2", amis={GPU_PARAMETER: locked()})
    assert plan("dev", planned().config, lock).models[0].service.ami == UnpinnedAmi(GPU_PARAMETER)
