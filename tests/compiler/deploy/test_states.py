"""Every status has an action, and an unknown one is refused."""

from __future__ import annotations

import botocore.session
import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy.states import RECOVERIES, Base, ChangeSetState, Recovery, change_set_state, recovery

MODEL = botocore.session.get_session().get_service_model("cloudformation")


def values(shape: str) -> set[str]:
    return set(MODEL.shape_for(shape).enum)


def test_every_status_of_a_stack_has_an_action() -> None:
    assert set(RECOVERIES) == values("StackStatus")
    assert len(RECOVERIES) == 23


def test_what_is_in_progress_is_waited_for_but_a_review_is_not() -> None:
    waiting = {status for status, (found, _) in RECOVERIES.items() if found is Recovery.WAIT}
    assert waiting == {status for status in RECOVERIES if status.endswith("_IN_PROGRESS")} - {"REVIEW_IN_PROGRESS"}


def test_no_failed_status_is_deployed_over() -> None:
    failed = {status for status in RECOVERIES if status.endswith("_FAILED")} | {"ROLLBACK_COMPLETE"}
    assert Recovery.NONE not in {RECOVERIES[status][0] for status in failed}
    assert RECOVERIES["DELETE_FAILED"] == (Recovery.FINISH_DELETION, Base.NOTHING)
    assert RECOVERIES["UPDATE_ROLLBACK_FAILED"] == (Recovery.CONTINUE, Base.STACK)


def test_an_unknown_status_is_refused_with_the_stack() -> None:
    with pytest.raises(DeployError, match="demo-lisa-iam-dev has the status PAUSED"):
        recovery("demo-lisa-iam-dev", "PAUSED")


def test_every_status_of_a_change_set_has_an_action() -> None:
    found = {
        (status, execution): change_set_state("x", status, execution)
        for status in values("ChangeSetStatus")
        for execution in values("ExecutionStatus")
    }
    executable = [key for key, state in found.items() if state is ChangeSetState.EXECUTABLE]
    assert executable == [("CREATE_COMPLETE", "AVAILABLE")]
    assert found["FAILED", "UNAVAILABLE"] is ChangeSetState.UNUSABLE
    assert found["CREATE_IN_PROGRESS", "UNAVAILABLE"] is ChangeSetState.WAIT


@pytest.mark.parametrize(("status", "execution"), [("NEW", "AVAILABLE"), ("CREATE_COMPLETE", "NEW")])
def test_a_change_set_in_an_unknown_status_is_refused(status: str, execution: str) -> None:
    with pytest.raises(DeployError, match="the unknown status 'NEW'"):
        change_set_state("x", status, execution)
