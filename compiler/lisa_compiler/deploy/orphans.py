"""Orphans: resources that earlier operations left in the account, and that a stack has again.

CloudFormation's events say which they are: DELETE_SKIPPED for what it retained, DELETE_FAILED for what it gave up. It
keeps the events of deleted stacks for 90 days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lisa_compiler.aws.cloudformation import DeployedStack
    from lisa_compiler.aws.stack_operations import StackOperations, StackResource

_RETAINED = ("Retain", "RetainExceptOnCreate")
_LEFT = ("DELETE_SKIPPED", "DELETE_FAILED")
"""Events of a resource that an operation left in the account."""


class History:
    """What became of the stacks of an account, read once.

    Attributes:
        operations: CloudFormation.
    """

    def __init__(self, operations: StackOperations) -> None:
        self.operations = operations

    def orphans(
        self,
        name: str,
        compiled: Mapping[str, Any],
        found: DeployedStack | None,
        deployed: Mapping[str, Any] | None = None,
    ) -> tuple[StackResource, ...]:
        """The orphans that a compiled template has again.

        Args:
            name: the stack.
            compiled: its compiled template.
            found: the stack as it is deployed; None for none.
            deployed: its deployed template, if the stack is going to be updated; None if it is created.
        """
        wanted: Mapping[str, Any] = compiled.get("Resources", {})
        owned: Mapping[str, Any] = {} if deployed is None else deployed.get("Resources", {})
        owner = _owner(compiled.get("Description", ""))
        # The name alone may be that of another deployment's stack.
        deleted = [identity for identity, description in self._deleted.get(name, ()) if _owner(description) == owner]
        known = [*([name] if found is not None else ()), *deleted]
        orphans = {each.logical_id: each for each in find_orphans(self.operations, known, wanted, owned)}
        if deployed is None and found is not None:
            # The stack is deleted first, but for these.
            template = self.operations.cloudformation.template(name) if found.has_template else {}
            expected = expect_orphans(self.operations.resources(name), template, wanted)
            orphans |= {each.logical_id: each for each in expected}
        return tuple(orphans.values())

    @cached_property
    def _deleted(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        return self.operations.deleted_stacks()


def find_orphans(
    operations: StackOperations, stacks: Sequence[str], wanted: Mapping[str, Any], owned: Mapping[str, Any]
) -> tuple[StackResource, ...]:
    """The resources that earlier operations left behind, and that a template has again.

    Args:
        operations: CloudFormation.
        stacks: the stack and its predecessors of the same name, as names or ARNs, the last first.
        wanted: resources of the compiled template.
        owned: resources of the deployed template; empty for a new stack.
    """
    found: dict[str, StackResource] = {}
    for stack in stacks:
        events = operations.endings(stack)
        # What could not be created, because its name was taken, is deleted without effect.
        never = {each.logical_id for each in events if each.status == "CREATE_FAILED"}
        for event in events:
            is_end = event.status in _LEFT or (event.status == "DELETE_COMPLETE" and event.logical_id not in never)
            if is_end and event.logical_id in wanted and event.logical_id not in owned:
                found.setdefault(event.logical_id, event)
    return tuple(each for each in found.values() if each.status != "DELETE_COMPLETE")


def expect_orphans(
    resources: Sequence[StackResource], template: Mapping[str, Any], wanted: Mapping[str, Any]
) -> tuple[StackResource, ...]:
    """The resources that deleting a stack is going to leave behind, and that a template has again."""
    entries = template.get("Resources", {})
    return tuple(
        each
        for each in resources
        if each.identity
        and each.logical_id in wanted
        and entries.get(each.logical_id, {}).get("DeletionPolicy") in _RETAINED
    )


def _owner(description: str) -> str:
    """The deployment that a stack's description names."""
    return description.partition(": ")[0]
