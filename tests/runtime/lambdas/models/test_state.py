"""The state of a model from what AWS says, as a table."""

from __future__ import annotations

import pytest

from lisa_lambdas.models.state import Group, ModelState, Service, state_of

UP = Group(desired=1, instances=1)
RUNS = Service("ACTIVE", running=1, rollout="COMPLETED")


@pytest.mark.parametrize(
    ("group", "service", "state"),
    [
        (None, None, "Creating"),
        (UP, None, "Creating"),
        (None, RUNS, "Creating"),
        (UP, Service("ACTIVE", running=0, rollout="IN_PROGRESS"), "Creating"),
        (Group(desired=1, instances=0), Service("ACTIVE", running=0), "Creating"),
        (UP, RUNS, "InService"),
        (Group(desired=2, instances=1), RUNS, "InService"),
        (UP, Service("ACTIVE", running=1), "InService"),
        (UP, Service("ACTIVE", running=1, deployments=2, rollout="IN_PROGRESS"), "Updating"),
        (UP, Service("ACTIVE", running=1, rollout="FAILED"), "Updating"),
        (Group(desired=0, instances=1), RUNS, "Stopping"),
        (Group(desired=0, instances=0), RUNS, "Stopping"),
        (Group(desired=0, instances=0), Service("ACTIVE", running=0, rollout="FAILED"), "Stopped"),
        (Group(desired=0, instances=0), Service("ACTIVE", running=0), "Stopped"),
        (UP, Service("ACTIVE", running=0, rollout="FAILED"), "Failed"),
        (UP, Service("DRAINING", running=1), "Deleting"),
        (UP, Service("INACTIVE", running=0), "Deleting"),
        (Group(desired=0, instances=1, is_going=True), RUNS, "Deleting"),
        (Group(desired=0, instances=0, is_going=True), None, "Deleting"),
    ],
)
def test_states(group: Group | None, service: Service | None, state: str) -> None:
    assert state_of(group, service) is ModelState(state)


def test_every_state_is_reached() -> None:
    (cases,) = [mark.args[1] for mark in test_states.pytestmark]  # type: ignore[attr-defined]
    assert {state for _, _, state in cases} == {state.value for state in ModelState}
