"""What `lisa diff` says of models whose requests go another way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lisa_compiler.review.change import compare
from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output, read_output

from .conftest import ENVIRONMENT, Files
from .outputs import files, resource

DIRECT = {"name": "m", "route": "direct", "address": "http://m.lisa"}
LITELLM = {"name": "m", "route": "litellm", "reason": "`router_settings.fallbacks` names it"}


def output(*models: dict[str, Any], is_old: bool = False) -> Output:
    content = files({"serve": {"Queue": resource("SQS::Queue")}})
    if not is_old:
        routes = json.dumps({"schemaVersion": 1, "models": models}).encode()
        content[f"generated/{ENVIRONMENT}/gateway/routes.json"] = routes
    found = read_output(Files(content), ENVIRONMENT)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (
            output(DIRECT),
            output(LITELLM),
            "Requests for **m** pass through LiteLLM (`router_settings.fallbacks` names it).",
        ),
        (
            output(LITELLM),
            output(DIRECT),
            "Requests for **m** go to its server (`http://m.lisa`) and no longer pass through LiteLLM.",
        ),
        (
            output(DIRECT),
            output({**DIRECT, "address": "http://n.lisa"}),
            "Requests for **m** go to `http://n.lisa` instead of `http://m.lisa`.",
        ),
        (output(DIRECT), output(DIRECT), None),
        (output(LITELLM), output({**LITELLM, "reason": "other"}), None),
        (output(is_old=True), output(DIRECT), None),
        (output(), output(DIRECT), None),
        (output(DIRECT), output(), None),
    ],
)
def test_a_change_of_a_route(before: Output, after: Output, text: str | None) -> None:
    impacts = compare(ENVIRONMENT, before, after).impacts
    assert [(impact.category, impact.text) for impact in impacts] == (
        [(ImpactCategory.CODE_CHANGED, text)] if text else []
    )
