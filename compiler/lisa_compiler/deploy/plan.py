"""The plan of a deployment: what becomes of each stack."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.aws.stack_operations import StackOperations
from lisa_compiler.deploy.orphans import History
from lisa_compiler.deploy.states import Base, Recovery, recovery
from lisa_compiler.deploy.template_diff import ChangeType, compare

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Stack
    from lisa_compiler.aws.cloudformation import CloudFormation, DeployedStack
    from lisa_compiler.aws.stack_operations import StackResource
    from lisa_compiler.deploy.template_diff import ResourceChange
    from lisa_compiler.plan.names import Names

_COMPONENT = re.compile(r"model-[A-Za-z0-9]+|api-base|api-deployment|chat|core|iam|models-api|networking|rag|serve|ui")
_OWNER = re.compile(r"LISA (\S+) \((\S+)\): ")
"""Beginning of a stack's description: deploymentName and deploymentStage."""


class Action(StrEnum):
    """What becomes of a stack."""

    CREATE = "create"
    UPDATE = "update"
    NONE = "no change"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class StackChange:
    """What becomes of one stack.

    Attributes:
        component: its component; what its name says for one that is not compiled any more.
        name: CloudFormation's name.
        action: what is done.
        changes: its resources that differ; empty for one that is destroyed.
        reason: why, where the action alone does not say it.
        recovery: what happens to the stack first, because an earlier operation failed.
        adopted: resources of earlier operations in the account that become part of the stack again.
    """

    component: str
    name: str
    action: Action
    changes: tuple[ResourceChange, ...] = ()
    reason: str = ""
    recovery: Recovery = Recovery.NONE
    adopted: tuple[StackResource, ...] = ()

    def count(self, difference: ChangeType) -> int:
        """How many of its resources differ in a way."""
        return sum(1 for change in self.changes if change.difference is difference)


def plan_stacks(
    stacks: Iterable[Stack],
    deployed: Mapping[str, DeployedStack],
    cloudformation: CloudFormation,
    history: History | None = None,
) -> tuple[StackChange, ...]:
    """Compare compiled stacks with deployed ones.

    A stack whose template is deployed already is updated all the same when a value that it reads from Parameter Store
    has changed, such as the image of its instances. What another stack of the same deployment is going to write is not
    known yet.

    Raises:
        DeployError: AWS refuses, a stack is another deployment's, or its status is unknown or requires manual steps.
    """
    stacks = tuple(stacks)
    require_own_stacks(stacks, deployed)
    history = history or History(StackOperations(cloudformation))
    steps = [_step(stack, deployed.get(stack.name), cloudformation, history) for stack in stacks]
    read = {name for step in steps if step.action is Action.NONE for name in deployed[step.name].parameters}
    values = cloudformation.values(read) if read else {}
    return tuple(_with_values(step, deployed, values) for step in steps)


def require_own_stacks(stacks: Iterable[Stack], deployed: Mapping[str, DeployedStack]) -> None:
    """Require that the deployed stacks of these names belong to the deployment.

    Names of stacks are joined by hyphens: deploymentName `a-b` with appName `c` gives those of `a` with `b-c`.

    Raises:
        DeployError: a stack belongs to another deployment.
    """
    for stack in stacks:
        found = deployed.get(stack.name)
        compiled = _OWNER.match(json.loads(stack.template.read_bytes()).get("Description", ""))
        other = _OWNER.match(found.description) if found is not None and found.exists else None
        if compiled and other and compiled.groups() != other.groups():
            raise DeployError(
                f"{stack.name} belongs to the deployment {other[1]} (stage {other[2]}), not to {compiled[1]} (stage "
                f"{compiled[2]}): the names of both give the same stack names. Change deploymentName, appName or "
                "deploymentStage."
            )


def find_orphaned_stacks(
    names: Names,
    kept: Iterable[str],
    deployed: Mapping[str, DeployedStack],
    proposed_description: Callable[[str], str | None],
) -> tuple[StackChange, ...]:
    """The stacks of a deployment that are deployed and no longer compiled, in an order in which they can be destroyed.

    They are told by name and description together: another deployment's name may begin like this one's, but no other
    has the whole of it in its stacks' descriptions. A stack whose creation was interrupted before it began has neither
    description nor resources; the template of its change set has the description.

    Args:
        names: names of the deployment.
        kept: names of the stacks that are compiled.
        deployed: every stack there is.
        proposed_description: the description of the template in the change sets of such a stack; None without one.
    """
    start, end = f"{names.deployment}-{names.app}-", f"-{names.stage}"
    described = f"LISA {names.deployment} ({names.stage}): "
    known = set(kept)
    found = []
    for name, stack in deployed.items():
        if name in known or not name.startswith(start):
            continue
        component, reason = name.removeprefix(start).removesuffix(end), "no longer configured"
        description: str | None = stack.description
        if stack.is_empty:
            description, reason = proposed_description(name), "never created"
            # Without a change set, nothing can become of it, whosever it was.
            if description is None and name.endswith(end) and _COMPONENT.fullmatch(component):
                description = described
        if description is not None and description.startswith(described):
            found.append(StackChange(component, name, Action.DESTROY, (), reason))
    return tuple(sorted(found, key=lambda step: (_depth(step.component), step.name)))


def _depth(component: str) -> int:
    """Place in that order: those that use others first."""
    order = ("ui", "rag", "chat")
    return order.index(component) if component in order else len(order)


def _step(stack: Stack, found: DeployedStack | None, cloudformation: CloudFormation, history: History) -> StackChange:
    compiled: dict[str, Any] = json.loads(stack.template.read_bytes())
    first, base = recovery(stack.name, found.status) if found is not None else (Recovery.NONE, Base.NOTHING)
    if first is Recovery.MANUAL and found is not None:
        raise DeployError(
            f"{stack.name} cannot be changed ({found.status}). Fix the cause shown in its events, bring it to a "
            "complete status in the CloudFormation console, and rerun the command."
        )
    if base is Base.NOTHING:
        adopted = history.orphans(stack.name, compiled, found)
        reason = "; ".join(filter(None, (_failure(found), _adopts(adopted))))
        return StackChange(
            stack.component, stack.name, Action.CREATE, compare({}, compiled), reason, first, tuple(adopted)
        )
    assert found is not None  # noqa: S101  (what is deployed has a status)
    template = cloudformation.template(stack.name)
    same = template == compiled
    if same and found.tags == dict(stack.tags) and first is Recovery.NONE:
        return StackChange(stack.component, stack.name, Action.NONE)
    changes = compare(template, compiled)
    is_new = any(change.difference is ChangeType.ADDED for change in changes)
    adopted = history.orphans(stack.name, compiled, found, template) if is_new else ()
    reason = "" if changes else "tags" if same else "parameters, outputs or description"
    reason = "; ".join(filter(None, (first.value or reason, _adopts(adopted))))
    return StackChange(stack.component, stack.name, Action.UPDATE, changes, reason, first, tuple(adopted))


def _failure(found: DeployedStack | None) -> str:
    if found is None:
        return ""
    if found.creation_failed:
        return "previous creation failed"
    return "finish the failed deletion" if found.status == "DELETE_FAILED" else ""


def _adopts(orphans: Sequence[StackResource]) -> str:
    return f"adopts {', '.join(each.logical_id for each in orphans)}" if orphans else ""


def _with_values(step: StackChange, deployed: Mapping[str, DeployedStack], values: Mapping[str, str]) -> StackChange:
    if step.action is not Action.NONE:
        return step
    changed = [
        name for name, value in deployed[step.name].parameters.items() if name in values and values[name] != value
    ]
    if not changed:
        return step
    return StackChange(step.component, step.name, Action.UPDATE, (), f"new value of {', '.join(sorted(changed))}")
