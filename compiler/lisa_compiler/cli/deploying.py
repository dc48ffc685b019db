"""What `lisa bootstrap`, `deploy`, `destroy` and `drift` do: check, show the plan, ask, and let the `cdk` CLI work."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from lisa_compiler.artifacts.assembly import Assembly, Stack
from lisa_compiler.artifacts.publishing import Shelf
from lisa_compiler.aws.cloudformation import CloudFormation
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.cli.plans import show_drift, show_plan
from lisa_compiler.cli.supplying import publish_missing
from lisa_compiler.cli.targets import Target
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.cli.verifying import run_checks
from lisa_compiler.deploy import cdk as cdk_cli
from lisa_compiler.deploy.planning import Action, StackStep, left_over, plan_stacks
from lisa_compiler.plan.amis import UnpinnedAmi

if TYPE_CHECKING:
    from lisa_compiler.aws.account import Account
    from lisa_compiler.deploy.cdk import Cdk
    from lisa_compiler.verification.verify import VerificationOptions

_AT_ONCE = "4"
"""Stacks that are deployed or destroyed at the same time, as far as they do not depend on each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the person has agreed to beforehand.

    Attributes:
        yes: the plan, without being asked.
        destroy: that stacks which are no longer configured are destroyed; asked otherwise.
    """

    yes: bool = False
    destroy: bool = False


@dataclass(frozen=True, slots=True)
class _Site:
    """Where a command works, once all that it needs is known to be there.

    Attributes:
        target: the environment.
        assembly: what is compiled for it.
        cdk: the CLI.
        account: where it belongs.
    """

    target: Target
    assembly: Assembly
    cdk: Cdk
    account: Account

    @property
    def cloudformation(self) -> CloudFormation:
        """CloudFormation in the account."""
        return _cloudformation(self.account, self.assembly)

    def run(self, arguments: Sequence[str], names: Sequence[str]) -> ExitCode:
        """Run the CLI on the assembly; when it fails, report the failures of these stacks."""
        began = datetime.now().astimezone()
        app = self.assembly.directory.relative_to(self.target.project).as_posix()
        command, *rest = arguments
        code = _run(self.target, self.cdk, [command, "--app", app, *rest])
        if code == 0:
            return ExitCode.OK
        for name in names:
            if failures := self.cloudformation.failures(name, began):
                say("\n".join([f"{name} failed:", *(f"  {failure}" for failure in failures)]))
        say(f"`cdk` exited with code {code}. Fix the errors above and rerun the command; completed stacks are kept.")
        return ExitCode.FAILED


def bootstrap(target: Target, consent: Consent) -> ExitCode:
    """Make what the `cdk` CLI needs in an account and region, once: a bucket, a repository and roles."""
    cdk = cdk_cli.find(target.project)
    account = target.account()
    place = f"aws://{account.number}/{account.region}"
    say(f"bootstrap {place} with cdk {cdk.version}: the stack CDKToolkit with a bucket, an ECR repository and roles")
    _agree("Bootstrap?", consent)
    arguments = ["bootstrap", place]
    boundary = target.deployment.config.permissions_boundary_aspect
    if boundary is not None:
        arguments += ["--custom-permissions-boundary", boundary.permissions_boundary_policy_name]
    return ExitCode.OK if _run(target, cdk, arguments) == 0 else ExitCode.FAILED


def deploy(
    target: Target,
    only: str | None,
    consent: Consent,
    *,
    plan_only: bool,
    verification: VerificationOptions | None = None,
) -> ExitCode:
    """Deploy an environment, or one stack and what it needs; then verify it, unless `verification` is None."""
    assembly = target.fresh_assembly()
    chosen = assembly.with_dependencies(assembly.find(only).component) if only else assembly.stacks
    _require_amis(target, chosen)
    site = _Site(target, assembly, cdk_cli.find(target.project), target.account())
    _require_weights(target, chosen)
    steps, leaving = _plan(site, chosen, whole=only is None)
    show_plan(target, [*leaving, *steps])
    if plan_only:
        return ExitCode.OK
    if all(step.action is Action.NONE for step in steps) and not leaving:
        say(f"{target.environment}: nothing to deploy")
        # A deployment that failed its verification does not succeed by being repeated.
        return _verified(site, chosen, verification)
    if leaving and consent.yes and not consent.destroy:
        raise DeployError(
            f"{_names(leaving)} would be destroyed. To approve this with --yes, also pass --allow-destroy."
        )
    _agree("Deploy?", consent)
    publish_missing(target, Shelf(site.account, target.environment), assembly.artifacts_of(chosen))
    _delete(site, leaving)
    code = _deploy(site, chosen)
    return _verified(site, chosen, verification) if code is ExitCode.OK else code


def destroy(target: Target, only: str | None, consent: Consent) -> ExitCode:
    """Destroy the stacks of an environment, or one and those that need it."""
    assembly = target.assembly()
    target.warn_if_out_of_date()
    chosen = assembly.with_dependents(assembly.find(only).component) if only else assembly.stacks
    site = _Site(target, assembly, cdk_cli.find(target.project), target.account())
    deployed = site.cloudformation.settle((stack.name for stack in assembly.stacks), say)
    leaving = () if only else left_over(target.deployment.names, (stack.name for stack in assembly.stacks), deployed)
    steps = [
        StackStep(stack.component, stack.name, Action.DESTROY) for stack in reversed(chosen) if stack.name in deployed
    ]
    if not steps and not leaving:
        say(f"{target.environment}: nothing is deployed")
        return ExitCode.OK
    show_plan(target, [*leaving, *steps])
    kept = "are kept" if target.deployment.retains else "are also deleted, including their data"
    say(f"removalPolicy is {target.deployment.config.removal_policy}: buckets, tables and databases {kept}.")
    _agree("Destroy?", consent)
    _delete(site, leaving)
    names = [step.name for step in steps]
    code = ExitCode.OK
    if steps:
        arguments = ["destroy", "--force", "--exclusively", "--concurrency", _AT_ONCE]
        code = site.run([*arguments, *(step.component for step in steps)], names)
    if code is ExitCode.OK and (left := [name for name in names if name in site.cloudformation.stacks()]):
        raise DeployError(f"{', '.join(left)} could not be destroyed. See the CloudFormation errors above.")
    return code


def drift(target: Target, *, as_json: bool) -> ExitCode:
    """Compare what is deployed with what is compiled; exit code 3 when it differs."""
    from lisa_compiler.deploy import drift as drifts

    assembly = target.assembly()
    target.warn_if_out_of_date()
    cloudformation = _cloudformation(target.account(), assembly)
    index = target.provenance()
    findings = drifts.find(assembly, target.deployment, cloudformation, index)
    if as_json:
        put(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        show_drift(target, findings, index)
    return ExitCode.STALE if findings else ExitCode.OK


def _verified(site: _Site, chosen: Sequence[Stack], options: VerificationOptions | None) -> ExitCode:
    return ExitCode.OK if options is None else run_checks(site.target, chosen, site.cloudformation, options)


def _cloudformation(account: Account, assembly: Assembly) -> CloudFormation:
    first = assembly.stacks[0]
    return CloudFormation(account, first.reader, first.deployer)


def _plan(site: _Site, chosen: Sequence[Stack], *, whole: bool) -> tuple[tuple[StackStep, ...], tuple[StackStep, ...]]:
    """What becomes of the chosen stacks, and which ones are destroyed because they are no longer configured."""
    names, cloudformation = site.target.deployment.names, site.cloudformation
    kept = [stack.name for stack in site.assembly.stacks]
    leaving = left_over(names, kept, cloudformation.stacks()) if whole else ()
    waited = [stack.name for stack in chosen] + [step.name for step in leaving]
    deployed = cloudformation.settle(waited, say)
    leaving = tuple(step for step in leaving if step.name in deployed)
    return plan_stacks(chosen, deployed, cloudformation), leaving


def _require_amis(target: Target, chosen: Sequence[Stack]) -> None:
    """Reject a deployment of instances whose AMI was not reviewed.

    Raises:
        DeployError: the lock file lacks some, and the configuration names none.
    """
    components = {stack.component for stack in chosen}
    deployment = target.deployment
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
            f"Run `lisa ami refresh --env {target.environment}`, then compile, review and commit."
        )


def _require_weights(target: Target, chosen: Sequence[Stack]) -> None:
    """Reject a deployment of models whose weights are not staged.

    Raises:
        DeployError: the lock or the bucket lacks some.
    """
    components = {stack.component for stack in chosen}
    needed = {model.config.model_name for model in target.deployment.models if model.component in components}
    if not needed:
        return
    workspace = target.workspace()
    lock, bucket = workspace.lock(), workspace.bucket()
    problems = []
    for model in sorted(needed):
        locked = lock.models.get(model)
        if locked is None:
            problems.append(f"{model} is not in weights.lock.json")
        elif findings := bucket.verify(model, locked):
            problems.append(f"{bucket.url(model)}: {findings[0].message}" + _more(len(findings) - 1))
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise DeployError(
            f"Weights are not staged; instances require them:{listed}\n"
            f"Run `lisa weights stage --env {target.environment}`, then compile and commit."
        )


def _delete(site: _Site, steps: Sequence[StackStep]) -> None:
    for step in steps:
        say(f"destroying {step.name}")
        site.cloudformation.delete(step.name)


def _deploy(site: _Site, chosen: Sequence[Stack]) -> ExitCode:
    # What generated/ says is deployed: the parameters' defaults, not the values of the deployment before.
    arguments = ["deploy", "--require-approval", "never", "--exclusively", "--progress", "events"]
    arguments += ["--no-previous-parameters"]
    arguments += ["--concurrency", _AT_ONCE, *(stack.component for stack in chosen)]
    code = site.run(arguments, [stack.name for stack in chosen])
    if code is ExitCode.OK:
        deployed = site.cloudformation.stacks()
        for stack in chosen:
            for key, value in deployed[stack.name].outputs.items():
                put(f"{stack.component}.{key} = {value}\n")
    return code


def _run(target: Target, cdk: Cdk, arguments: Sequence[str]) -> int:
    config = target.deployment.config
    try:
        return cdk.run(target.project, arguments, region=config.region, profile=config.profile)
    except KeyboardInterrupt:
        say("interrupted: CloudFormation continues the running operations; rerun the command to resume")
        raise


def _agree(question: str, consent: Consent) -> None:
    if consent.yes:
        return
    if not sys.stdin.isatty():
        raise DeployError("Cannot prompt for approval without a terminal. Pass --yes to approve the plan.")
    if not typer.confirm(question, err=True):
        raise DeployError("Nothing was changed.")


def _names(steps: Sequence[StackStep]) -> str:
    return ", ".join(step.name for step in steps)


def _more(count: int) -> str:
    return f", and {count} more" if count else ""
