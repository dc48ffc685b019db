"""What `lisa diff` says of a gateway and a model that have one instance each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lisa_compiler.review.capacity import groups
from lisa_compiler.review.change import compare
from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output

from .conftest import ENVIRONMENT
from .corpus import put, several

SINGLE = several(
    *(
        put(f"{service}.autoScalingConfig.{limit}", 1)
        for service in ("restApiConfig", "ecsModels.0")
        for limit in ("minCapacity", "maxCapacity")
    )
)


@pytest.mark.parametrize(
    ("edit", "component", "told"),
    [
        (put("restApiConfig.instanceType", "m5.xlarge"), "serve", "1 remains in service"),
        (put("ecsModels.0.instanceType", "g6e.4xlarge"), "model-mistral7b", "**none remains in service**"),
    ],
)
def test_another_instance_type_interrupts_the_model_and_not_the_gateway(
    output_of: Callable[..., Output], edit: Callable[..., None], component: str, told: str
) -> None:
    before, after = output_of(SINGLE), output_of(SINGLE, edit)
    impacts = compare(ENVIRONMENT, before, after).impacts
    (text,) = [one.text for one in impacts if one.category is ImpactCategory.INTERRUPTION]
    assert told in text
    # The instance that an update adds is no capacity.
    assert (groups(after)[component].minimum, groups(after)[component].maximum) == (1, 1)
