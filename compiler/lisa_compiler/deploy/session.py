"""The use cases of `lisa deploy` and `lisa destroy`: plan stacks, check what they require, and let the `cdk` CLI work.

    session = open_deploy_session(context, "serve", tell=print)
    plan = session.plan_deployment("serve")
    outcome = session.deploy(plan)

The caller shows the plan and asks for approval between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lisa_compiler.aws.cloudformation import CloudFormation
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy import cdk as cdk_cli
from lisa_compiler.deploy.plan import Action, StackChange, find_orphaned_stacks, plan_stacks, require_own_stacks
from lisa_compiler.plan.amis import UnpinnedAmi

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Assembly, Stack
    from lisa_compiler.aws.account import Account
    from lisa_compiler.deploy.cdk import Cdk
    from lisa_compiler.deploy.deployment_context import DeploymentContext

_CONCURRENCY = "4"
"""Stacks that are deployed or destroyed at the same time, as far as they do not depend on each other."""


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

    def plan_deployment(self, only: str | None) -> StackPlan:
        """Plan the deployment of all stacks, or of one and what it depends on.

        Raises:
            DeployError: weights are not staged, or the account cannot be read.
        """
        selected = select_stacks(self.assembly, only)
        _require_weights(self.context, selected)
        cloudformation = self.cloudformation
        kept = [stack.name for stack in self.assembly.stacks]
        orphaned = (
            find_orphaned_stacks(self.context.deployment.names, kept, cloudformation.stacks()) if only is None else ()
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
        deployed = self.cloudformation.wait_until_stable(names, self.tell)
        require_own_stacks(assembly.stacks, deployed)
        return StackPlan(
            selected=tuple(selected),
            steps=tuple(
                StackChange(stack.component, stack.name, Action.DESTROY)
                for stack in reversed(selected)
                if stack.name in deployed
            ),
            orphaned=() if only else tuple(find_orphaned_stacks(self.context.deployment.names, names, deployed)),
        )

    def deploy(self, plan: StackPlan) -> Outcome:
        """Destroy orphaned stacks, then deploy the selected ones; artifacts must be published before.

        Raises:
            DeployError: an orphaned stack cannot be destroyed.
        """
        self.delete(plan.orphaned)
        # What generated/ has is deployed: the parameters' defaults, not the values of the deployment before.
        arguments = ["deploy", "--require-approval", "never", "--exclusively", "--progress", "events"]
        arguments += ["--no-previous-parameters"]
        arguments += ["--concurrency", _CONCURRENCY, *(stack.component for stack in plan.selected)]
        outcome = self.run(arguments, [stack.name for stack in plan.selected])
        return self.with_outputs(plan.selected) if outcome.succeeded else outcome

    def with_outputs(self, stacks: Sequence[Stack]) -> Outcome:
        """The success of a deployment, with the outputs of its stacks."""
        deployed = self.cloudformation.stacks()
        outputs = {
            f"{stack.component}.{key}": value
            for stack in stacks
            if stack.name in deployed
            for key, value in deployed[stack.name].outputs.items()
        }
        return Outcome(code=0, failures={}, outputs=outputs)

    def destroy(self, plan: StackPlan) -> Outcome:
        """Destroy orphaned stacks, then the selected ones.

        Raises:
            DeployError: a stack is still there.
        """
        self.delete(plan.orphaned)
        names = [step.name for step in plan.steps]
        outcome = Outcome(code=0, failures={}, outputs={})
        if names:
            arguments = ["destroy", "--force", "--exclusively", "--concurrency", _CONCURRENCY]
            outcome = self.run([*arguments, *(step.component for step in plan.steps)], names)
        if outcome.succeeded and (left := [name for name in names if name in self.cloudformation.stacks()]):
            raise DeployError(f"{', '.join(left)} could not be destroyed. See the CloudFormation errors above.")
        return outcome

    def delete(self, steps: Sequence[StackChange]) -> None:
        """Delete stacks, one after the other.

        Raises:
            DeployError: one cannot be deleted.
        """
        for step in steps:
            self.tell(f"destroying {step.name}")
            self.cloudformation.delete(step.name)

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


def require_amis(context: DeploymentContext, selected: Sequence[Stack]) -> None:
    """Reject a deployment of EC2 instances whose AMI was not reviewed.

    Raises:
        DeployError: the lock file lacks some, and the configuration names none.
    """
    components = {stack.component for stack in selected}
    deployment = context.deployment
    services = {"serve": deployment.rest_api, **{model.component: model.service for model in deployment.models}}
    found = sorted(
        f"{component}: {service.ami.parameter}"
        for component, service in services.items()
        if component in components and isinstance(service.ami, UnpinnedAmi)
    )
    if found:
        listed = "".join(f"\n  {line}" for line in found)
        raise DeployError(
            f"The AMI of these stacks is not pinned:{listed}\n"
            f"Run `lisa ami refresh --env {context.environment}`, then compile, review and commit."
        )


def _require_weights(context: DeploymentContext, selected: Sequence[Stack]) -> None:
    """Reject a deployment of models whose weights are not staged.

    Raises:
        DeployError: the lock file or the bucket lacks some.
    """
    components = {stack.component for stack in selected}
    models = [model for model in context.deployment.models if model.component in components]
    needed = {name for model in models for name in model.weights_names}
    if not needed:
        return
    workspace = context.workspace()
    lock, bucket = workspace.lock(), workspace.bucket()
    problems = []
    for model in sorted(needed):
        locked = lock.models.get(model)
        if locked is None:
            problems.append(f"{model} is not in weights.lock.json")
        elif found := bucket.verify(model, locked):
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            problems.append(f"{bucket.url(locked.location(model))}: {found[0].message}{more}")
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise DeployError(
            f"Weights are not staged; instances require them:{listed}\n"
            f"Run `lisa weights stage --env {context.environment}`, then compile and commit."
        )
