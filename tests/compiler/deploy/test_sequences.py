"""Random sequences of changes, failures, reverts and redeployments end deployed, and no retained data is lost.

`LISA_DEPLOY_SEQUENCES` is the number of sequences for each environment, 600 with `make check-deployments`. Those that
once failed are kept as examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .model_site import DATA, ENVIRONMENTS, VARIANTS, Compilations, ModelSite, no_pauses

pytestmark = pytest.mark.xdist_group("deployment-model")

_SEQUENCES = int(os.environ.get("LISA_DEPLOY_SEQUENCES", "67"))
_LENGTH = 8

# What fails: an operation of CloudFormation, counted in the step, and this often; or a call of LISA or the cdk CLI.
_COUNTS = {"create": 170, "update": 8, "delete": 25, "revert": 3}
_OPERATION = st.sampled_from(sorted(_COUNTS)).flatmap(
    lambda operation: st.tuples(st.just(operation), st.integers(0, _COUNTS[operation]), st.integers(1, 4))
)
_CALL = st.tuples(
    st.sampled_from(["Throttling", "ExpiredToken", "kill before", "kill after"]), st.integers(1, 120), st.just(1)
)
_STEP = st.tuples(
    st.sampled_from([*VARIANTS, "destroy"]), st.one_of(st.none(), _OPERATION, _CALL, st.tuples(_OPERATION, _OPERATION))
)
Step = tuple[str, Any]


@pytest.fixture(scope="module")
def compilations(tmp_path_factory: pytest.TempPathFactory) -> Compilations:
    return Compilations(tmp_path_factory.mktemp("compilations"))


@pytest.fixture(scope="module")
def expected(compilations: Compilations) -> Iterator[dict[str, Any]]:
    """What a fresh deployment has, by environment."""
    found = {}
    with no_pauses():
        for environment in ENVIRONMENTS:
            site = ModelSite(compilations, environment)
            site.deployed()
            found[environment] = site.deployment()
        yield found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_sequence_ends_deployed(environment: str, compilations: Compilations, expected: dict[str, Any]) -> None:
    @settings(
        max_examples=_SEQUENCES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @example([("base", None), ("no chat", ("delete", 0, 4)), ("base", None)])
    @example([("base", ("create", 50, 1)), ("base", None), ("destroy", None)])
    # A rollback kept the protected database, and deleted the secret that it needs.
    @example([("no chat", ("create", 116, 3))])
    @given(st.lists(_STEP, min_size=1, max_size=_LENGTH))
    def sequences(steps: list[Step]) -> None:
        run(ModelSite(compilations, environment), steps, expected[environment])

    sequences()


def run(site: ModelSite, steps: list[Step], expected: dict[str, Any]) -> None:
    model = site.endpoint.model
    data: set[str] = set()
    variant = "base"
    for action, fault in steps:
        inject(site, fault)
        if action == "destroy":
            code = site.attempt_destroy(variant)
        else:
            variant, code = action, site.attempt(action)
        assert code == 0 or fault is not None, (action, site.told[-6:])
        model.faults.clear()
        model.next_faults.clear()
        site.endpoint.failures.clear()
        if code == 0:
            assert all(status.endswith("_COMPLETE") for status in site.statuses.values()), site.statuses
            assert (site.statuses == {}) == (action == "destroy")
            if action != "destroy":
                assert site.plan(variant).changes_nothing, [
                    (step.name, step.action, step.reason) for step in site.plan(variant).steps
                ]
                # From now on the deployment has data.
                data |= site.fill()
        if site.environment != "dev":
            assert data <= {thing.identity for thing in site.things(*DATA)}, "data were lost"
    outcome = site.deploy("base")
    assert outcome.succeeded, (outcome.failures, site.told[-6:])
    assert site.deployment() == expected
    if site.environment != "dev":
        assert data <= {thing.identity for thing in site.things(*DATA)}, "data were lost"
        owned = {record.identity for stack in model.stacks.values() for record in stack.records.values()}
        assert data <= owned, "the deployment does not use its data"


def inject(site: ModelSite, fault: Any) -> None:
    if fault is None:
        return
    if isinstance(fault[0], tuple):
        for each in fault:
            inject(site, each)
        return
    kind, number, times = fault
    if kind in _COUNTS:
        site.endpoint.model.next_faults[kind] = number, times
    else:
        site.endpoint.failures[len(site.endpoint.calls) + number] = kind
