"""Make the change sets of a plan, and apply a plan that was agreed to: those change sets, and nothing else.

A change set is computed with the values that other stacks have published by then. The stacks of a plan therefore form
waves: those of the first wave depend on no stack that changes, and their change sets are executed as they were made. A
later wave gets new change sets, which must do with each resource what the plan says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.aws.stack_operations import StackOperations
from lisa_compiler.deploy.change_sets import ChangeSet, read_change_set
from lisa_compiler.deploy.plan import Action
from lisa_compiler.deploy.session import Outcome
from lisa_compiler.deploy.template_assembly import templates_alone

if TYPE_CHECKING:
    from lisa_compiler.deploy.reviewed_plan import PlannedStack, ReviewedPlan
    from lisa_compiler.deploy.session import DeploySession, StackPlan


def prepare(session: DeploySession, plan: ReviewedPlan) -> ReviewedPlan:
    """Make the change sets of all stacks that are updated.

    Args:
        session: the environment and the account.
        plan: the plan, as it is written to the file.

    Raises:
        DeployError: CloudFormation cannot make a change set; those that were made are deleted.
    """
    if plan.recovery:
        # No change set shows how a stack recovers, and what it adopts: `lisa deploy` does what the plan lists.
        session.tell(f"no change sets are made, because stacks must recover first: {'; '.join(plan.recovery)}")
        return plan
    updated = _with_action(plan.stacks, Action.UPDATE)
    name = plan.change_set_name
    try:
        _prepare(session, updated, name)
        made = {stack.name: _require_change_set(session, stack.name, name) for stack in updated}
    except BaseException:
        discard(session, plan)
        raise
    stacks = [
        replace(stack, change_set=found.arn, actions=found.actions) if (found := made.get(stack.name)) else stack
        for stack in plan.stacks
    ]
    return replace(plan, stacks=tuple(stacks))


def discard(session: DeploySession, plan: ReviewedPlan) -> None:
    """Delete the change sets of a plan that are left."""
    operations = StackOperations(session.cloudformation)
    for stack in _with_action(plan.stacks, Action.UPDATE):
        try:
            operations.discard(stack.name, plan.change_set_name)
        except DeployError as error:
            session.tell(f"warning: {error}")


def apply_plan(
    session: DeploySession, planned: StackPlan, plan: ReviewedPlan, skipped: Mapping[str, Sequence[str]]
) -> Outcome:
    """Apply a plan; artifacts must be published before.

    Args:
        session: the environment and the account.
        planned: what becomes of the stacks, which must be what the plan says (ReviewedPlan.require_unmoved).
        plan: the plan.
        skipped: by component, logical ids that a failed deletion may leave as they are.

    Raises:
        DeployError: a change set is gone, or would do something else than the plan says.
    """
    found = [_of(plan, names) for names in waves(planned)]
    ready = _ready(session, found[0]) if found else []
    if failures := session.remove(planned.orphaned, skipped):
        return Outcome(code=1, failures=failures, outputs={})
    for number, wave in enumerate(found):
        if number > 0:
            _prepare(session, _with_action(wave, Action.UPDATE), plan.change_set_name)
            ready = _ready(session, wave, plan.change_set_name)
        execute = ("--method", "execute-change-set", "--change-set-name", plan.change_set_name)
        outcome = session.run_deploy([stack.component for stack in ready], *execute)
        if outcome.succeeded:
            outcome = session.run_deploy([stack.component for stack in _with_action(wave, Action.CREATE)])
        if not outcome.succeeded:
            return outcome
    return Outcome(code=0, failures={}, outputs=session.outputs(planned.selected))


def waves(planned: StackPlan) -> list[list[str]]:
    """Names of the stacks that change, by how many changes in a row they wait for."""
    changed = {step.component: step for step in planned.steps if step.action is not Action.NONE}
    depth: dict[str, int] = {}
    for stack in planned.selected:
        before = [depth[name] + (name in changed) for name in stack.depends_on if name in depth]
        depth[stack.component] = max(before, default=0)
    last = max((depth[name] for name in changed), default=-1)
    found = [[step.name for name, step in changed.items() if depth[name] == number] for number in range(last + 1)]
    return [wave for wave in found if wave]


def _of(plan: ReviewedPlan, names: Sequence[str]) -> list[PlannedStack]:
    return [stack for stack in plan.stacks if stack.name in names]


def _with_action(stacks: Sequence[PlannedStack], action: Action) -> list[PlannedStack]:
    return [stack for stack in stacks if stack.action == action.value]


def _prepare(session: DeploySession, stacks: Sequence[PlannedStack], name: str) -> None:
    components = [stack.component for stack in stacks]
    with templates_alone(session.assembly.directory, session.context.project.root) as folder:
        alone = replace(session, assembly=replace(session.assembly, directory=folder))
        outcome = alone.run_deploy(components, "--method", "prepare-change-set", "--change-set-name", name)
    if not outcome.succeeded:
        raise DeployError("CloudFormation could not make the change sets. See its errors above.")


def _ready(session: DeploySession, wave: Sequence[PlannedStack], name: str = "") -> list[PlannedStack]:
    """The stacks of a wave whose change set can be executed: that of the plan, or the one with a name."""
    updated = _with_action(wave, Action.UPDATE)
    return [stack for stack in updated if not _require_same(session, stack, name or stack.change_set).changes_nothing]


def _require_change_set(session: DeploySession, stack: str, name: str) -> ChangeSet:
    found = read_change_set(session.cloudformation, stack, name)
    if found is None:
        raise DeployError(f"{stack} has no change set {name}: make a new plan.")
    if not found.ready and not found.changes_nothing:
        raise DeployError(f"The change set {name} of {stack} cannot be executed: {found.reason}. Make a new plan.")
    return found


def _require_same(session: DeploySession, planned: PlannedStack, name: str) -> ChangeSet:
    """The change set of a stack, which must have the compiled template and the planned actions."""
    found = _require_change_set(session, planned.name, name)
    compiled: Mapping[str, object] = json.loads(session.assembly.find(planned.name).template.read_bytes())
    if found.template != compiled:
        raise DeployError(
            f"The change set {name} of {planned.name} has another template than the output: it is not ours."
        )
    if found.actions != planned.actions:
        more = sorted(set(found.actions) ^ set(planned.actions))
        listed = "".join(f"\n  {action}" for action in more)
        raise DeployError(
            f"{planned.name} would not change as the plan says, because of what other stacks have published:"
            f"{listed}\nNothing of it was changed. Make a new plan for the rest."
        )
    return found
