"""The plan of a deployment: what becomes of each stack."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy.comparing import Difference, compare

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Stack
    from lisa_compiler.aws.cloudformation import CloudFormation, DeployedStack
    from lisa_compiler.deploy.comparing import ResourceChange
    from lisa_compiler.plan.names import Names

_STUCK = "UPDATE_ROLLBACK_FAILED"


class Action(StrEnum):
    """What becomes of a stack."""

    CREATE = "create"
    UPDATE = "update"
    NONE = "no change"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class StackStep:
    """What becomes of one stack.

    Attributes:
        component: its component; what its name says for one that is not compiled any more.
        name: CloudFormation's name.
        action: what is done.
        changes: its resources that differ; empty for one that is destroyed.
        note: why, where the action alone does not say it.
    """

    component: str
    name: str
    action: Action
    changes: tuple[ResourceChange, ...] = ()
    note: str = ""

    def count(self, difference: Difference) -> int:
        """How many of its resources differ in a way."""
        return sum(1 for change in self.changes if change.difference is difference)


def plan_stacks(
    stacks: Iterable[Stack], deployed: Mapping[str, DeployedStack], cloudformation: CloudFormation
) -> tuple[StackStep, ...]:
    """Compare compiled stacks with deployed ones.

    A stack whose template is deployed already is updated all the same when a value that it reads from Parameter Store
    has changed, such as the image of its instances. What another stack of the same deployment is going to write is not
    known yet.

    Raises:
        DeployError: AWS refuses, or a stack is in a state that nothing but a person gets it out of.
    """
    steps = [_step(stack, deployed.get(stack.name), cloudformation) for stack in stacks]
    read = {name for step in steps if step.action is Action.NONE for name in deployed[step.name].parameters}
    values = cloudformation.values(read) if read else {}
    return tuple(_with_values(step, deployed, values) for step in steps)


def left_over(names: Names, kept: Iterable[str], deployed: Mapping[str, DeployedStack]) -> tuple[StackStep, ...]:
    """The stacks of a deployment that are deployed and no longer compiled, in an order in which they can be destroyed.

    They are told by name and description together: another deployment's name may begin like this one's, but no other
    has the whole of it in its stacks' descriptions.

    Args:
        names: names of the deployment.
        kept: names of the stacks that are compiled.
        deployed: every stack there is.
    """
    start, end = f"{names.deployment}-{names.app}-", f"-{names.stage}"
    described = f"LISA {names.deployment} ({names.stage}): "
    known = set(kept)
    found = [
        StackStep(name.removeprefix(start).removesuffix(end), name, Action.DESTROY, (), "no longer configured")
        for name, stack in deployed.items()
        if name not in known and name.startswith(start) and stack.description.startswith(described)
    ]
    return tuple(sorted(found, key=lambda step: (_depth(step.component), step.name)))


def _depth(component: str) -> int:
    """Place in that order: those that use others first."""
    order = ("ui", "rag", "chat")
    return order.index(component) if component in order else len(order)


def _step(stack: Stack, found: DeployedStack | None, cloudformation: CloudFormation) -> StackStep:
    compiled: dict[str, Any] = json.loads(stack.template.read_bytes())
    if found is None or not found.is_made:
        note = "previous creation failed" if found is not None and found.has_failed_creation else ""
        return StackStep(stack.component, stack.name, Action.CREATE, compare({}, compiled), note)
    if found.status == _STUCK:
        raise DeployError(
            f"{stack.name} could not be rolled back ({found.status}): fix the cause shown in its events, run "
            f"`aws cloudformation continue-update-rollback --stack-name {stack.name}`, and rerun the deployment."
        )
    template = cloudformation.template(stack.name)
    if template == compiled and found.tags == dict(stack.tags):
        return StackStep(stack.component, stack.name, Action.NONE)
    changes = compare(template, compiled)
    note = "" if changes else "tags" if template == compiled else "parameters, outputs or description"
    return StackStep(stack.component, stack.name, Action.UPDATE, changes, note)


def _with_values(step: StackStep, deployed: Mapping[str, DeployedStack], values: Mapping[str, str]) -> StackStep:
    if step.action is not Action.NONE:
        return step
    changed = [
        name for name, value in deployed[step.name].parameters.items() if name in values and values[name] != value
    ]
    if not changed:
        return step
    return StackStep(step.component, step.name, Action.UPDATE, (), f"new value of {', '.join(sorted(changed))}")
