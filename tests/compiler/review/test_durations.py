"""What a change does to the availability of a model: minutes, schedules and new IDs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lisa_compiler.review.change import compare
from lisa_compiler.review.durations import start_duration
from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output

from .conftest import ENVIRONMENT
from .corpus import put, several

COMPONENT = "model-mistral7b"
SINGLE = several(*(put(f"ecsModels.0.autoScalingConfig.{limit}", 1) for limit in ("minCapacity", "maxCapacity")))
NIGHTS = {"timeZone": "Etc/UTC", "windows": [{"start": "20:00", "stop": "07:00", "minCapacity": 0}]}
SCHEDULE = "ecsModels.0.autoScalingConfig.schedule"


def staged(output: Output, size: int) -> Output:
    """The output with weights of this size for all models."""
    weights = {name: {**entry, "totalBytes": size} for name, entry in output.weights.items()}
    return replace(output, weights=copy.deepcopy(weights))


def impacts(before: Output, after: Output, category: ImpactCategory) -> str:
    return " ".join(one.text for one in compare(ENVIRONMENT, before, after).impacts if one.category is category)


def test_the_only_instance_is_unavailable_for_estimated_minutes(output_of: Callable[..., Output]) -> None:
    before = staged(output_of(SINGLE), 14_500_000_000)
    after = staged(output_of(SINGLE, put("ecsModels.0.instanceType", "g6e.4xlarge")), 14_500_000_000)
    text = impacts(before, after, ImpactCategory.INTERRUPTION)
    assert "none remains in service" in text
    assert "minutes (estimate: 14.5 GB of weights, network of the type" in text
    assert "up to 10 for requests in flight" in text


def test_no_minutes_are_told_where_another_instance_comes_first(output_of: Callable[..., Output]) -> None:
    one = several(SINGLE, put("ecsModels.0.autoScalingConfig.maxCapacity", 2))
    text = impacts(
        output_of(one), output_of(one, put("ecsModels.0.instanceType", "g6e.4xlarge")), ImpactCategory.INTERRUPTION
    )
    assert "1 remains in service" in text
    assert "unavailable for" not in text


def test_an_estimate_grows_with_the_weights_and_the_launch(output_of: Callable[..., Output]) -> None:
    def estimate(size: int, **what: bool) -> Any:
        return start_duration(staged(output_of(SINGLE), size), COMPONENT, **what)

    small, large = (estimate(size, drains=False, launches=True) for size in (1_000_000_000, 140_000_000_000))
    assert small.low < large.low
    assert small.high < large.high
    assert estimate(1_000_000_000, drains=False, launches=False).high < small.high
    assert estimate(1_000_000_000, drains=True, launches=True).high == small.high + 10
    assert start_duration(output_of(SINGLE), "serve", drains=True, launches=True) is None


def test_without_staged_weights_the_estimate_says_so(output_of: Callable[..., Output]) -> None:
    found = start_duration(output_of(SINGLE), COMPONENT, drains=True, launches=True)
    assert found is not None
    assert str(found) == "an unknown time (weights are not staged)"


def test_times_without_instances_are_an_interruption(output_of: Callable[..., Output]) -> None:
    plain, closed = output_of(SINGLE), output_of(SINGLE, put(SCHEDULE, NIGHTS))
    text = impacts(plain, closed, ImpactCategory.INTERRUPTION)
    assert "has no instances from 20:00 (every day) to 07:00 (every day), Etc/UTC. Its requests fail with 503" in text
    assert "has no instances" not in impacts(closed, closed, ImpactCategory.INTERRUPTION)
    removed = impacts(closed, plain, ImpactCategory.MANUAL_STEPS)
    assert "no longer has a schedule" in removed
    assert "has no instances" not in impacts(closed, plain, ImpactCategory.INTERRUPTION)


def test_another_id_alone_is_told_as_an_interruption(output_of: Callable[..., Output]) -> None:
    before, after = output_of(), output_of(put("ecsModels.0.modelId", "mistral"))
    text = impacts(before, after, ImpactCategory.INTERRUPTION)
    assert "which has another ID alone" in text
    assert "deploy `mistral` next to" in text
    other = output_of(several(put("ecsModels.0.modelId", "mistral"), put("ecsModels.0.instanceType", "g6e.4xlarge")))
    assert "another ID alone" not in impacts(before, other, ImpactCategory.INTERRUPTION)
