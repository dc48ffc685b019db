"""Plans in files: what they tell people is kept, and never decides whether they can be applied."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from lisa_compiler.deploy.reviewed_plan import PlannedStack, ReviewedPlan, read_plan
from lisa_compiler.review.fit import Cost, cost_rows
from lisa_compiler.review.impact import Impact, ImpactCategory, impact_lines

STACK = PlannedStack(component="iam", name="demo-iam", action="update", deployed="a", compiled="b")
PLAN = ReviewedPlan(
    environment="prod",
    account="123456789012",
    region="us-east-1",
    only="",
    commit="c",
    digest="d",
    base="",
    version="3.0.0",
    made_by="arn:aws:iam::123456789012:user/a",
    made="2026-11-30T00:00:00+00:00",
    expires="2026-12-01T00:00:00+00:00",
    stacks=(STACK,),
)
COST = Cost(low=1.0, high=2.0, low_month=380.0, high_month=760.0, currency="USD", unknown=())


def test_a_plan_keeps_impacts_and_cost(tmp_path: Path) -> None:
    impact = Impact(
        ImpactCategory.INTERRUPTION, "**model a** is unavailable for about 4\N{EN DASH}27 minutes.", ("`b`",)
    )
    cost = "; ".join(cost_rows(COST, replace(COST, low_month=730.0, high_month=1460.0)))
    assert cost.endswith("380\N{EN DASH}760 \N{RIGHTWARDS ARROW} 730\N{EN DASH}1,460 per month")
    written = replace(PLAN, impacts=impact_lines([impact]), cost=cost)
    written.write(tmp_path / "plan.json")
    found = read_plan(tmp_path / "plan.json")
    assert found == written
    assert found.impacts == ("Service interruption: model a is unavailable for about 4\N{EN DASH}27 minutes. b",)
    # What is written for people is not compared.
    found.require_unmoved(PLAN)


def test_a_plan_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    PLAN.write(tmp_path / "plan.json")
    content = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    del content["impacts"], content["cost"]
    (tmp_path / "plan.json").write_text(json.dumps(content), encoding="utf-8")
    assert read_plan(tmp_path / "plan.json") == PLAN
