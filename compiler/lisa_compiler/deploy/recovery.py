"""Recover stacks whose last operation failed, before they are deployed; which stacks are deployed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy.removal import Removal, explained_rollback
from lisa_compiler.deploy.states import Recovery, recovery

if TYPE_CHECKING:
    from lisa_compiler.deploy.plan import StackChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Recoveries:
    """How stacks recover.

    Attributes:
        removal: how failed stacks are deleted.
        skipped: by component, logical ids that a failed rollback may skip.
        tell: receives what is being done.
    """

    removal: Removal
    skipped: Mapping[str, Sequence[str]]
    tell: Callable[[str], None]

    def continue_rollback(self, step: StackChange) -> None:
        """Continue a rollback, and skip what failed again if a person named it.

        Raises:
            DeployError: it failed again.
        """
        operations = self.removal.operations
        ending = operations.continue_rollback(step.name)
        if ending.status == "UPDATE_ROLLBACK_FAILED":
            failed = [each.logical_id for each in ending.failed]
            allowed = [logical_id for logical_id in failed if logical_id in self.skipped.get(step.component, ())]
            if failed and allowed == failed:
                self.tell(f"{step.name}: skipping {', '.join(allowed)}")
                ending = operations.continue_rollback(step.name, allowed)
        if ending.status != "UPDATE_ROLLBACK_COMPLETE":
            raise DeployError(explained_rollback(step.name, step.component, ending))

    def roll_back(self, step: StackChange) -> None:
        """Roll back an update that was stopped at its failure.

        Raises:
            DeployError: it fails.
        """
        ending = self.removal.operations.roll_back(step.name)
        if ending.status == "UPDATE_ROLLBACK_FAILED":
            self.continue_rollback(step)
        elif not ending.status.endswith("_COMPLETE"):
            raise DeployError(explained_rollback(step.name, step.component, ending))


def recover(recoveries: Recoveries, steps: Sequence[StackChange]) -> None:
    """Bring stacks to a status in which they can be deployed, those that depend on others first.

    The status is read again: a stack may have recovered since it was planned.

    Raises:
        DeployError: a stack cannot be recovered.
    """
    if not any(step.recovery is not Recovery.NONE for step in steps):
        return
    removal = recoveries.removal
    names = [step.name for step in steps]
    present = removal.operations.cloudformation.wait_until_stable(names, recoveries.tell)
    for step in reversed(steps):
        found = present.get(step.name)
        if found is None:
            continue
        first, _ = recovery(step.name, found.status)
        if first is not Recovery.NONE:
            recoveries.tell(f"{step.name} ({found.status}): {first.value}")
        if first is Recovery.CONTINUE:
            recoveries.continue_rollback(step)
        elif first is Recovery.ROLL_BACK:
            recoveries.roll_back(step)
        elif first in (Recovery.DELETE, Recovery.FINISH_DELETION):
            removal.remove(found, step.component)
        elif first is Recovery.MANUAL:
            raise DeployError(f"{step.name} cannot be changed ({found.status}): fix it in the CloudFormation console.")


def batches(steps: Sequence[StackChange], depends_on: Mapping[str, Sequence[str]]) -> Iterator[tuple[StackChange, ...]]:
    """Stacks that are deployed together, in order.

    A stack that adopts resources starts a batch, unless it depends on nothing in the current one: the import resolves
    values that its dependencies publish.

    Args:
        steps: the stacks in the order of deployment.
        depends_on: by component, all components that are deployed before it.
    """
    batch: list[StackChange] = []
    for step in steps:
        if step.adopted and {each.component for each in batch} & set(depends_on[step.component]):
            yield tuple(batch)
            batch = []
        batch.append(step)
    if batch:
        yield tuple(batch)
