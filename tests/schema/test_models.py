"""The models: frozen, exact, written in camelCase and read in snake_case."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lisa_schema.models import AutoScalingConfig, ContainerConfig, EcrImage, LitellmParams, MetricConfig, TarballImage

METRIC = {"AlbMetricName": "RequestCountPerTarget", "targetValue": 30}


def test_names_are_camel_case_outside() -> None:
    scaling = AutoScalingConfig.model_validate({"minCapacity": 2, "metricConfig": METRIC})
    assert (scaling.min_capacity, scaling.max_capacity, scaling.cooldown) == (2, 2, 420)
    assert scaling.metric_config.alb_metric_name == "RequestCountPerTarget"
    assert scaling.model_dump()["metricConfig"]["AlbMetricName"] == "RequestCountPerTarget"
    with pytest.raises(ValidationError):
        AutoScalingConfig.model_validate({"min_capacity": 2, "metricConfig": METRIC})


def test_models_are_frozen() -> None:
    metric = MetricConfig.model_validate(METRIC)
    with pytest.raises(ValidationError):
        metric.duration = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ({"type": "ecr", "repositoryArn": "arn:aws-iso:ecr:us-iso-east-1:012345678901:repository/a/b"}, EcrImage),
        ({"type": "tarball", "path": "a.tar"}, TarballImage),
    ],
)
def test_images_are_told_apart(image: dict[str, Any], kind: type) -> None:
    assert isinstance(ContainerConfig.model_validate({"image": image}).image, kind)


@pytest.mark.parametrize("value", ["2", 2.0, True])
def test_numbers_are_not_guessed(value: object) -> None:
    with pytest.raises(ValidationError):
        AutoScalingConfig.model_validate({"minCapacity": value, "metricConfig": METRIC})


def test_litellm_keeps_what_it_does_not_know() -> None:
    params = LitellmParams.model_validate({"model": "bedrock/x", "aws_region_name": "us-east-1", "top_k": None})
    assert params.model_dump(exclude_unset=True) == {
        "model": "bedrock/x",
        "aws_region_name": "us-east-1",
        "top_k": None,
    }


@pytest.mark.parametrize(
    ("written", "reference"),
    [
        ({}, ":latest"),
        ({"tag": "3.3.4"}, ":3.3.4"),
        ({"tag": f"sha256:{'0a' * 32}"}, f"@sha256:{'0a' * 32}"),
        ({"tag": f"@sha256:{'0a' * 32}"}, f"@sha256:{'0a' * 32}"),
        ({"tag": f"3.3.4@sha256:{'0a' * 32}"}, f"@sha256:{'0a' * 32}"),
        ({"tag": "3.3.4", "digest": f"sha256:{'0b' * 32}"}, f"@sha256:{'0b' * 32}"),
    ],
)
def test_image_in_ecr_is_referred_to_by_tag_or_digest(written: dict[str, str], reference: str) -> None:
    repository = "arn:aws:ecr:us-east-1:012345678901:repository/team/vllm"
    assert EcrImage.model_validate({"type": "ecr", "repositoryArn": repository, **written}).reference == reference
