"""Plans in files for stacks that failed: without change sets, and pinned to what recovers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy.apply_plan import prepare
from lisa_compiler.deploy.reviewed_plan import ReviewedPlan, make_plan
from lisa_compiler.ledger.source import Source

from .model_site import Compilations, ModelSite, no_pauses

pytestmark = pytest.mark.xdist_group("deployment-model")
SOURCE = Source(digest="0" * 64, commit="a" * 40)


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with no_pauses():
        yield


@pytest.fixture
def prod(tmp_path: object) -> ModelSite:
    site = ModelSite(Compilations(tmp_path), "prod")  # type: ignore[arg-type]  # a path
    # The model's account does not know who calls.
    object.__setattr__(site.endpoint, "caller", "arn:aws:iam::123456789012:user/me")
    return site


def plan(site: ModelSite) -> ReviewedPlan:
    session = site.session("base")
    return make_plan(session, session.plan_deployment(None), SOURCE, "", None)


def test_failed_creation_is_planned_without_change_sets_and_recovers(prod: ModelSite) -> None:
    prod.fail("create", "SessionsTable")
    assert prod.deploy().code == 1
    made = plan(prod)
    assert any("previous creation failed" in line for line in made.recovery), made.recovery
    before = len(prod.told)
    prepared = prepare(prod.session("base"), made)
    assert prepared == made
    assert not any(stack.change_set for stack in prepared.stacks)
    assert "no change sets are made, because stacks must recover first: " in prod.told[before]
    prepared.require_unmoved(plan(prod))
    prod.deployed()
    with pytest.raises(DeployError, match=r"recovery: planned .*previous creation failed.*, now none"):
        prepared.require_unmoved(plan(prod))


def test_plan_of_healthy_stacks_has_no_recovery(prod: ModelSite) -> None:
    prod.deployed()
    assert plan(prod).recovery == ()
