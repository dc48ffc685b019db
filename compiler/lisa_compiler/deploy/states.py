"""The status of a stack or a change set, and what a deployment does about it.

Each status that CloudFormation documents has a row (AWS CloudFormation User Guide, "Stack status codes"; API Reference,
DescribeChangeSet). A status without a row is refused: what it permits is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from lisa_compiler.aws.errors import DeployError


class Recovery(StrEnum):
    """What must happen to a stack before its template can be deployed.

    WAIT ends when CloudFormation has finished. CONTINUE and ROLL_BACK bring the stack back to its last good state, from
    which it is updated. DELETE and FINISH_DELETION make room for a new stack; retained resources are then adopted.
    MANUAL is for a person.
    """

    NONE = ""
    WAIT = "wait for the operation in progress"
    CONTINUE = "continue the failed rollback"
    ROLL_BACK = "roll back the failed change"
    DELETE = "delete the failed stack"
    FINISH_DELETION = "finish the failed deletion"
    MANUAL = "fix the stack manually"


class Base(StrEnum):
    """What a deployment starts from, once a stack has recovered."""

    NOTHING = "nothing"
    STACK = "the deployed stack"


RECOVERIES: Mapping[str, tuple[Recovery, Base]] = MappingProxyType(
    {
        "CREATE_IN_PROGRESS": (Recovery.WAIT, Base.STACK),
        "CREATE_FAILED": (Recovery.DELETE, Base.NOTHING),
        "CREATE_COMPLETE": (Recovery.NONE, Base.STACK),
        "ROLLBACK_IN_PROGRESS": (Recovery.WAIT, Base.NOTHING),
        "ROLLBACK_FAILED": (Recovery.DELETE, Base.NOTHING),
        "ROLLBACK_COMPLETE": (Recovery.DELETE, Base.NOTHING),
        "DELETE_IN_PROGRESS": (Recovery.WAIT, Base.NOTHING),
        "DELETE_FAILED": (Recovery.FINISH_DELETION, Base.NOTHING),
        "DELETE_COMPLETE": (Recovery.NONE, Base.NOTHING),
        "UPDATE_IN_PROGRESS": (Recovery.WAIT, Base.STACK),
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": (Recovery.WAIT, Base.STACK),
        "UPDATE_COMPLETE": (Recovery.NONE, Base.STACK),
        "UPDATE_FAILED": (Recovery.ROLL_BACK, Base.STACK),
        "UPDATE_ROLLBACK_IN_PROGRESS": (Recovery.WAIT, Base.STACK),
        "UPDATE_ROLLBACK_FAILED": (Recovery.CONTINUE, Base.STACK),
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": (Recovery.WAIT, Base.STACK),
        "UPDATE_ROLLBACK_COMPLETE": (Recovery.NONE, Base.STACK),
        # A change set of a new stack that was not executed: the stack has no resources.
        "REVIEW_IN_PROGRESS": (Recovery.DELETE, Base.NOTHING),
        "IMPORT_IN_PROGRESS": (Recovery.WAIT, Base.STACK),
        "IMPORT_COMPLETE": (Recovery.NONE, Base.STACK),
        "IMPORT_ROLLBACK_IN_PROGRESS": (Recovery.WAIT, Base.STACK),
        "IMPORT_ROLLBACK_FAILED": (Recovery.MANUAL, Base.STACK),
        "IMPORT_ROLLBACK_COMPLETE": (Recovery.NONE, Base.STACK),
    }
)
"""By status: what happens first, and what the deployment starts from."""


class ChangeSetState(StrEnum):
    """What a change set permits."""

    WAIT = "wait"
    EXECUTABLE = "execute"
    UNUSABLE = "discard"


_CREATION: Mapping[str, ChangeSetState] = MappingProxyType(
    {
        "CREATE_PENDING": ChangeSetState.WAIT,
        "CREATE_IN_PROGRESS": ChangeSetState.WAIT,
        "CREATE_COMPLETE": ChangeSetState.EXECUTABLE,
        "DELETE_PENDING": ChangeSetState.UNUSABLE,
        "DELETE_IN_PROGRESS": ChangeSetState.UNUSABLE,
        "DELETE_COMPLETE": ChangeSetState.UNUSABLE,
        "DELETE_FAILED": ChangeSetState.UNUSABLE,
        "FAILED": ChangeSetState.UNUSABLE,
    }
)
_EXECUTION: Mapping[str, ChangeSetState] = MappingProxyType(
    {
        "UNAVAILABLE": ChangeSetState.WAIT,
        "AVAILABLE": ChangeSetState.EXECUTABLE,
        "EXECUTE_IN_PROGRESS": ChangeSetState.UNUSABLE,
        "EXECUTE_COMPLETE": ChangeSetState.UNUSABLE,
        "EXECUTE_FAILED": ChangeSetState.UNUSABLE,
        "OBSOLETE": ChangeSetState.UNUSABLE,
    }
)


def recovery(name: str, status: str) -> tuple[Recovery, Base]:
    """What happens to a stack first, and what its deployment starts from.

    Args:
        name: the stack, for the error.
        status: CloudFormation's status of it.

    Raises:
        DeployError: the status is unknown.
    """
    try:
        return RECOVERIES[status]
    except KeyError:
        raise DeployError(
            f"{name} has the status {status}, which this version of LISA does not know. Nothing was changed. Bring the "
            "stack to a known status in the CloudFormation console, or update LISA."
        ) from None


def change_set_state(name: str, status: str, execution: str) -> ChangeSetState:
    """What a change set permits, by its status and its execution status.

    Raises:
        DeployError: a status is unknown.
    """
    try:
        creation, execution_state = _CREATION[status], _EXECUTION[execution]
    except KeyError as error:
        raise DeployError(f"The change set {name} has the unknown status {error}. It was not executed.") from None
    if creation is not ChangeSetState.EXECUTABLE:
        return creation
    return execution_state
