"""Whether the stacks of a deployment are deployed and at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.verification.check import Check, failed, passed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lisa_compiler.artifacts.assembly import Stack
    from lisa_compiler.aws.cloudformation import DeployedStack

_COMPLETE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_SUBJECT = "stack"


def check_stacks(stacks: Iterable[Stack], deployed: Mapping[str, DeployedStack]) -> tuple[Check, ...]:
    """Check each stack."""
    return tuple(_check(stack, deployed.get(stack.name)) for stack in stacks)


def _check(stack: Stack, found: DeployedStack | None) -> Check:
    if found is None or not found.exists:
        status = f" ({found.status})" if found else ""
        return failed(stack.component, _SUBJECT, f"{stack.name} is not deployed{status}", "Run `lisa deploy`.")
    if found.is_in_progress:
        fix = "Wait until CloudFormation is done, or use --wait."
        return failed(stack.component, _SUBJECT, f"{stack.name} has an operation in progress ({found.status})", fix)
    if found.status not in _COMPLETE:
        fix = (
            "Read the stack's events in CloudFormation, fix the cause and run `lisa deploy` again, which continues a "
            "failed rollback."
        )
        return failed(stack.component, _SUBJECT, f"the last change of {stack.name} failed ({found.status})", fix)
    return passed(stack.component, _SUBJECT, found.status)
