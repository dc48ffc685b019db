"""The use cases of `lisa deploy` and `lisa destroy`: plan stacks, check what they require, and let the `cdk` CLI work.

    session = open_deploy_session(context, "serve", tell=print)
    plan = session.plan_deployment("serve")
    outcome = session.deploy(plan)

The caller shows the plan and asks for approval between the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from lisa_compiler.aws.cloudformation import CloudFormation
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.aws.stack_operations import StackOperations
from lisa_compiler.deploy import cdk as cdk_cli
from lisa_compiler.deploy.adoption import Adoption
from lisa_compiler.deploy.orphans import History
from lisa_compiler.deploy.plan import Action, StackChange, find_orphaned_stacks, plan_stacks, require_own_stacks
from lisa_compiler.deploy.prerequisites import require_amis, require_weights
from lisa_compiler.deploy.recovery import Recoveries, batches, recover, without_failed
from lisa_compiler.deploy.removal import Removal
from lisa_compiler.deploy.states import Recovery

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Assembly, Stack
    from lisa_compiler.aws.account import Account
    from lisa_compiler.deploy.cdk import Cdk
    from lisa_compiler.deploy.deployment_context import DeploymentContext

CONCURRENCY = 16
"""Stacks that are deployed or destroyed at the same time, as far as they do not depend on each other.

Models take the longest and do not depend on each other: with fewer, a deployment of many would wait for the first ones.
"""


_NOTHING: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """What becomes of an environment's stacks.

    Attributes:
        selected: the stacks that were selected and those that they depend on; for a destruction, that depend on them.
        steps: what becomes of them, in order.
        orphaned: stacks that are no longer configured, which are destroyed first.
    """

    selected: tuple[Stack, ...]
    steps: tuple[StackChange, ...]
    orphaned: tuple[StackChange, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether no stack changes."""
        return not self.orphaned and all(step.action is Action.NONE for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the `cdk` CLI ended.

    Attributes:
        code: its exit code.
        failures: what CloudFormation reports, by stack.
        outputs: outputs of the deployed stacks as `<component>.<key>`.
    """

    code: int
    failures: Mapping[str, Sequence[str]]
    outputs: Mapping[str, str]

    @property
    def succeeded(self) -> bool:
        """Whether all stacks are as planned."""
        return self.code == 0


@dataclass(frozen=True, slots=True)
class DeploySession:
    """An environment, the `cdk` CLI and the account.

    Attributes:
        context: the environment.
        assembly: its compiled output.
        cdk: the CLI.
        account: the account.
        tell: receives what is being done.
    """

    context: DeploymentContext
    assembly: Assembly
    cdk: Cdk
    account: Account
    tell: Callable[[str], None]

    @property
    def cloudformation(self) -> CloudFormation:
        """CloudFormation in the account."""
        return open_cloudformation(self.account, self.assembly)

    def plan_deployment(self, only: str | None, *, require_staged: bool = True) -> StackPlan:
        """Plan the deployment of all stacks, or of one and what it depends on.

        Args:
            only: component or name of the stack; None for all.
            require_staged: whether weights must be in the bucket; a pipeline stages them after the approval.

        Raises:
            DeployError: weights are not staged, or the account cannot be read.
        """
        selected = select_stacks(self.assembly, only)
        if require_staged:
            require_weights(self.context, selected)
        cloudformation = self.cloudformation
        kept = [stack.name for stack in self.assembly.stacks]
        orphaned = (
            find_orphaned_stacks(
                self.context.deployment.names, kept, cloudformation.stacks(), cloudformation.proposed_description
            )
            if only is None
            else ()
        )
        waited = [stack.name for stack in selected] + [step.name for step in orphaned]
        deployed = cloudformation.wait_until_stable(waited, self.tell)
        return StackPlan(
            selected=tuple(selected),
            steps=tuple(plan_stacks(selected, deployed, cloudformation)),
            orphaned=tuple(step for step in orphaned if step.name in deployed),
        )

    def plan_destruction(self, only: str | None) -> StackPlan:
        """Plan the destruction of all stacks, or of one and those that depend on it.

        Raises:
            DeployError: the account cannot be read.
        """
        assembly = self.assembly
        selected = assembly.with_dependents(assembly.find(only).component) if only else assembly.stacks
        names = [stack.name for stack in assembly.stacks]
        cloudformation = self.cloudformation
        deployed = cloudformation.wait_until_stable(names, self.tell)
        require_own_stacks(assembly.stacks, deployed)
        describe = cloudformation.proposed_description
        return StackPlan(
            selected=tuple(selected),
            steps=tuple(
                StackChange(stack.component, stack.name, Action.DESTROY)
                for stack in reversed(selected)
                if stack.name in deployed
            ),
            orphaned=() if only else find_orphaned_stacks(self.context.deployment.names, names, deployed, describe),
        )

    def deploy(self, plan: StackPlan, skipped: Mapping[str, Sequence[str]] = _NOTHING) -> Outcome:
        """Remove orphaned stacks, recover and deploy the selected ones; artifacts must be published before.

        A stack that cannot be removed or recovered does not keep those that do not depend on it from being deployed;
        the outcome is a failure.

        Args:
            plan: what to do.
            skipped: by component, logical ids that a failed rollback or deletion may leave as they are.

        Raises:
            DeployError: retained resources cannot be adopted, or AWS rejects a request.
        """
        failures = self.remove(plan.orphaned, skipped)
        code = 0
        depends_on = {stack.component: stack.depends_on for stack in plan.selected}
        failures |= recover(self._recovery(skipped), plan.steps)
        for batch in batches(without_failed(plan.steps, failures, depends_on), depends_on):
            self._adopt(batch)
            found = self.run_deploy([step.component for step in batch])
            failures |= found.failures
            code = found.code
            if code:
                break
        outputs = {} if code else self.outputs(plan.selected)
        return Outcome(code=code or (1 if failures else 0), failures=failures, outputs=outputs)

    def outputs(self, stacks: Sequence[Stack]) -> dict[str, str]:
        """Outputs of deployed stacks as `<component>.<key>`."""
        deployed = self.cloudformation.stacks()
        return {
            f"{stack.component}.{key}": value
            for stack in stacks
            if stack.name in deployed
            for key, value in deployed[stack.name].outputs.items()
        }

    def destroy(self, plan: StackPlan, skipped: Mapping[str, Sequence[str]] = _NOTHING) -> Outcome:
        """Remove orphaned stacks, then the selected ones."""
        failures = self.remove(plan.orphaned, skipped)
        present = self.cloudformation.stacks()
        names = [step.name for step in plan.steps]
        if names:
            removal = self._removal(skipped)
            for name in names:
                if name in present:
                    removal.prepare(present[name])
            arguments = ["destroy", "--force", "--exclusively", "--concurrency", str(CONCURRENCY)]
            self.run([*arguments, *(step.component for step in plan.steps)], names)
            # What the CLI could not destroy is finished here, or CloudFormation's reasons are told.
            failures |= self.remove(plan.steps, skipped)
        return Outcome(code=1 if failures else 0, failures=failures, outputs={})

    def remove(
        self, steps: Sequence[StackChange], skipped: Mapping[str, Sequence[str]] = _NOTHING
    ) -> dict[str, Sequence[str]]:
        """Remove stacks one after the other; what failed, by stack."""
        removal, failures = self._removal(skipped), dict[str, Sequence[str]]()
        present = self.cloudformation.stacks() if steps else {}
        for step in steps:
            if step.name not in present:
                continue
            self.tell(f"destroying {step.name}")
            try:
                removal.remove(present[step.name], step.component)
            except DeployError as error:
                failures[step.name] = str(error).splitlines()
        return failures

    def _adopt(self, steps: Sequence[StackChange]) -> None:
        """Adopt the orphans of one batch, whose stacks have recovered."""
        operations = StackOperations(self.cloudformation)
        for step in steps:
            stack = self.assembly.find(step.component)
            compiled = json.loads(stack.template.read_bytes())
            is_new = step.action is Action.CREATE
            orphans = step.adopted
            if is_new and step.recovery is not Recovery.NONE:
                # What was left behind because a person named it was not known to the plan.
                orphans = History(operations).orphans(step.name, compiled, None)
            if not orphans:
                continue
            deployed = {} if is_new else self.cloudformation.template(step.name)
            Adoption(operations, step.name, compiled, deployed, stack.executor, self.tell).adopt(orphans)

    def run_deploy(self, components: Sequence[str], *method: str) -> Outcome:
        """Run `cdk deploy` for stacks alone, with the values of their templates' parameters.

        Args:
            components: of the stacks; nothing is run for none.
            method: options of the CLI for how to deploy; none creates and executes a change set.
        """
        if not components:
            return Outcome(code=0, failures={}, outputs={})
        # What generated/ has is deployed: the parameters' defaults, not the values of the deployment before.
        arguments = ["deploy", "--require-approval", "never", "--exclusively", "--progress", "events", *method]
        arguments += ["--no-previous-parameters", "--concurrency", str(CONCURRENCY), *components]
        return self.run(arguments, [self.assembly.find(component).name for component in components])

    def _removal(self, skipped: Mapping[str, Sequence[str]]) -> Removal:
        return Removal(operations=StackOperations(self.cloudformation), skipped=skipped, tell=self.tell)

    def _recovery(self, skipped: Mapping[str, Sequence[str]]) -> Recoveries:
        return Recoveries(removal=self._removal(skipped), skipped=skipped, tell=self.tell)

    def run(self, arguments: Sequence[str], names: Sequence[str]) -> Outcome:
        """Run the `cdk` CLI on the assembly; when it fails, read the failures of these stacks."""
        began = datetime.now().astimezone()
        app = self.assembly.directory.relative_to(self.context.project.root).as_posix()
        command, *rest = arguments
        code = run_cdk(self.context, self.cdk, [command, "--app", app, *rest], self.tell)
        found = {} if code == 0 else {name: self.cloudformation.failures(name, began) for name in names}
        failures = {name: failures for name, failures in found.items() if failures}
        return Outcome(code=code, failures=failures, outputs={})


def open_session(context: DeploymentContext, tell: Callable[[str], None]) -> DeploySession:
    """Find the `cdk` CLI and connect to the account.

    Raises:
        DeployError: the compiled output is missing, or the CLI or the account cannot be used.
    """
    return DeploySession(context, context.assembly(), cdk_cli.find(context.project.root), context.account(), tell)


def open_deploy_session(context: DeploymentContext, only: str | None, tell: Callable[[str], None]) -> DeploySession:
    """Check what a deployment requires on this machine, then open a session.

    Raises:
        DeployError: the compiled output is missing or out of date, an AMI is not pinned, or as for open_session().
    """
    require_amis(context, select_stacks(context.up_to_date_assembly(), only))
    return open_session(context, tell)


def select_stacks(assembly: Assembly, only: str | None) -> Sequence[Stack]:
    """All stacks, or one and those that it depends on."""
    return assembly.with_dependencies(assembly.find(only).component) if only else assembly.stacks


def open_cloudformation(account: Account, assembly: Assembly) -> CloudFormation:
    """CloudFormation in an account, with the roles that the compiled output names."""
    first = assembly.stacks[0]
    return CloudFormation(account, first.reader, first.deployer)


def bootstrap_arguments(context: DeploymentContext, place: str) -> list[str]:
    """Arguments of the `cdk` CLI that bootstrap an account and Region, given as `aws://<account>/<region>`."""
    boundary = context.deployment.config.permissions_boundary_aspect
    # The bootstrap template accepts a policy of the account, by path and name; a policy of AWS cannot be named.
    if boundary is None or boundary.is_of_aws:
        return ["bootstrap", place]
    return ["bootstrap", place, "--custom-permissions-boundary", boundary.policy]


def run_cdk(context: DeploymentContext, cdk: Cdk, arguments: Sequence[str], tell: Callable[[str], None]) -> int:
    """Run the `cdk` CLI in a project; returns its exit code."""
    config = context.deployment.config
    try:
        return cdk.run(context.project.root, arguments, region=config.region, profile=config.profile)
    except KeyboardInterrupt:
        tell("interrupted: CloudFormation continues the running operations; rerun the command to resume")
        raise
