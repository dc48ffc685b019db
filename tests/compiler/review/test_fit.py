"""What `lisa diff` says of models that no longer fit, of KV caches that change, and of cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lisa_compiler.review.change import OutputChange, compare
from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.json_report import as_data
from lisa_compiler.review.output import Output, read_output
from lisa_compiler.review.rendering import Comparison, text

from .conftest import ENVIRONMENT, Files
from .outputs import files, resource

COMPARED = Comparison(base="0123456789", reference="origin/main", command="lisa diff")
TOTAL = {"currency": "USD", "minPerHour": 1.006, "maxPerHour": 2.012, "unknown": ["Gateway"]}


def model(verdict: str = "fits", tokens: int | None = 28000, reason: str | None = None) -> dict[str, Any]:
    return {"model": "org/m", "instance": "g5.xlarge", "verdict": verdict, "reason": reason, "kvTokens": tokens}


def output(fit: dict[str, Any] | None) -> Output:
    content = files({"serve": {"Queue": resource("SQS::Queue")}})
    if fit is not None:
        content[f"generated/{ENVIRONMENT}/fit.json"] = json.dumps({"schemaVersion": 1, **fit}).encode()
    found = read_output(Files(content), ENVIRONMENT)
    assert found is not None
    return found


def changed(before: dict[str, Any] | None, after: dict[str, Any] | None) -> OutputChange:
    return compare(ENVIRONMENT, output(before), output(after))


def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[ImpactCategory, str]]:
    change = changed({"models": {"m": before}}, {"models": {"m": after}})
    return [(impact.category, impact.text) for impact in change.impacts]


def test_a_model_that_does_not_fit_any_longer_interrupts() -> None:
    assert told(model(), model("does not fit", 0, "3.0 GiB are missing")) == [
        (ImpactCategory.INTERRUPTION, "**m** does not fit `g5.xlarge`: 3.0 GiB are missing.")
    ]


def test_a_new_model_that_does_not_fit_interrupts() -> None:
    change = changed({"models": {}}, {"models": {"m": model("does not fit", None)}})
    assert [impact.category for impact in change.impacts] == [ImpactCategory.INTERRUPTION]


def test_a_model_that_did_not_fit_before_is_not_told_again() -> None:
    assert told(model("does not fit", None), model("does not fit", None)) == []


@pytest.mark.parametrize("verdict", ["too close to tell", "unknown"])
def test_another_verdict_is_told(verdict: str) -> None:
    ((category, words),) = told(model(), model(verdict, None, "the shape is unknown"))
    assert category is ImpactCategory.CODE_CHANGED
    assert words == f"Fit of **m**: fits → {verdict}: the shape is unknown."
    ((_, words),) = told(model(verdict, None), model())
    assert words == f"Fit of **m**: {verdict} → fits."


@pytest.mark.parametrize(("tokens", "is_told"), [(28000, False), (30800, False), (31000, True), (25000, True)])
def test_a_kv_cache_that_changes_by_more_than_a_tenth_is_told(tokens: int, is_told: bool) -> None:
    found = told(model(), model(tokens=tokens))
    assert found == (
        [(ImpactCategory.CODE_CHANGED, f"KV cache of **m**: about 28,000 → {tokens:,} tokens.")] if is_told else []
    )


def test_output_of_an_older_lisa_has_no_record_to_compare() -> None:
    change = changed(None, {"models": {"m": model("does not fit", None)}, "cost": {"total": TOTAL}})
    assert change.impacts == ()
    assert "USD for the instances alone: unknown → 1.01\N{EN DASH}2.01 per hour" in text(change, COMPARED)


def test_the_difference_in_cost() -> None:
    after = {**TOTAL, "minPerHour": 2.012}
    change = changed({"cost": {"total": TOTAL}}, {"cost": {"total": after}})
    row = (
        "USD for the instances alone: 1.01\N{EN DASH}2.01 → 2.01 per hour, 734\N{EN DASH}1,469 → 1,469 per month, "
        "without Gateway (price unknown)"
    )
    assert row in text(change, COMPARED)
    found = json.loads(as_data(change, COMPARED))["cost"]
    assert found["before"] == {
        "currency": "USD",
        "minimumPerHour": 1.006,
        "maximumPerHour": 2.012,
        "unknown": ["Gateway"],
    }
    assert found["after"]["minimumPerHour"] == 2.012


def test_totals_that_leave_out_different_services_are_told_apart() -> None:
    change = changed({"cost": {"total": TOTAL}}, {"cost": {"total": {**TOTAL, "unknown": []}}})
    assert "before without Gateway, after without none (price unknown)" in text(change, COMPARED)


def test_the_same_cost_is_not_told() -> None:
    change = changed({"cost": {"total": TOTAL}}, {"cost": {"total": TOTAL}})
    assert "instances alone" not in text(change, COMPARED)
    change = changed({"cost": {"total": None}}, {"cost": {"total": None}})
    assert "instances alone" not in text(change, COMPARED)
