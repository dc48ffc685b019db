"""Recover stacks whose last operation failed, before they are deployed; which stacks are deployed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.deploy.removal import Removal, explained_rollback
from lisa_compiler.deploy.states import Recovery, recovery

if TYPE_CHECKING:
    from lisa_compiler.aws.cloudformation import DeployedStack
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


def recover(recoveries: Recoveries, steps: Sequence[StackChange]) -> dict[str, Sequence[str]]:
    """Bring stacks to a status in which they can be deployed, those that depend on others first.

    The status is read again: a stack may have recovered since it was planned.

    Returns:
        What failed, by stack.

    Raises:
        RequestError: AWS rejects a request.
    """
    if not any(step.recovery is not Recovery.NONE for step in steps):
        return {}
    names = [step.name for step in steps]
    present = recoveries.removal.operations.cloudformation.wait_until_stable(names, recoveries.tell)
    failures: dict[str, Sequence[str]] = {}
    for step in reversed(steps):
        if step.name not in present:
            continue
        try:
            _recover(recoveries, step, present[step.name])
        except RequestError:
            raise
        except DeployError as error:
            failures[step.name] = str(error).splitlines()
    return failures


def _recover(recoveries: Recoveries, step: StackChange, found: DeployedStack) -> None:
    first, _ = recovery(step.name, found.status)
    if first is not Recovery.NONE:
        recoveries.tell(f"{step.name} ({found.status}): {first.value}")
    if first is Recovery.CONTINUE:
        recoveries.continue_rollback(step)
    elif first is Recovery.ROLL_BACK:
        recoveries.roll_back(step)
    elif first in (Recovery.DELETE, Recovery.FINISH_DELETION):
        recoveries.removal.remove(found, step.component)
    elif first is Recovery.MANUAL:
        raise DeployError(f"{step.name} cannot be changed ({found.status}): fix it in the CloudFormation console.")


def without_failed(
    steps: Sequence[StackChange], failures: Mapping[str, Sequence[str]], depends_on: Mapping[str, Sequence[str]]
) -> tuple[StackChange, ...]:
    """The steps that neither failed to recover nor depend on one that did."""
    failed: set[str] = set()
    kept: list[StackChange] = []
    for step in steps:
        if step.name in failures or failed.intersection(depends_on[step.component]):
            failed.add(step.component)
        else:
            kept.append(step)
    return tuple(kept)


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
