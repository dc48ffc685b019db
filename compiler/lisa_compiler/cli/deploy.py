"""`lisa bootstrap`, `deploy`, `destroy` and `drift`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.cli.approval import require_approval
from lisa_compiler.cli.artifacts import publish_missing
from lisa_compiler.cli.deployment_options import deployment_options, warn_if_out_of_date
from lisa_compiler.cli.locked import exit_if_locked
from lisa_compiler.cli.options import SCOPE, TableFormat, command_group, takes
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.cli.verify import CaBundle, TokenFile, read_token, run_checks
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.plan.names import LEDGER_TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.deploy.plan import StackChange
    from lisa_compiler.deploy.reviewed_plan import ReviewedPlan
    from lisa_compiler.deploy.session import DeploySession, Outcome, StackPlan
    from lisa_compiler.ledger.journal import Journal

app = command_group()

_WAIT_AFTER_DEPLOYMENT = 900.0
"""Seconds in which a deployment that CloudFormation has finished must verify."""

Stack = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="One stack, by component or name.", rich_help_panel=SCOPE),
]
Skip = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="STACK.LOGICAL_ID",
        help="Leave a resource as it is if its rollback or deletion fails again. Repeatable.",
        rich_help_panel=SCOPE,
    ),
]
AllowUncommitted = Annotated[
    bool, typer.Option("--allow-uncommitted", help="Accept files that are not committed; the ledger shows it.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approve the plan without a prompt.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What the options approve.

    Attributes:
        yes: the plan, without a prompt.
        destroy: with `yes`, destroying stacks that are no longer configured.
    """

    yes: bool = False
    destroy: bool = False


@app.command(epilog="lisa bootstrap --env prod")
@takes(deployment_options)
def bootstrap(context: DeploymentContext, *, yes: Yes = False) -> None:
    """Prepare an account and Region once: the CDK's bucket, ECR repository and roles."""
    from lisa_compiler.deploy import cdk as cdk_cli  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.deploy import session  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.table import make_table  # noqa: PLC0415  # likewise

    cdk = cdk_cli.find(context.project.root)
    account = context.account()
    place = f"aws://{account.number}/{account.region}"
    print_status(
        f"bootstrap {place} with cdk {cdk.version}: the stack CDKToolkit with a bucket, an ECR repository and roles, "
        f"and the stack {LEDGER_TABLE} with the table in which deployments are locked and recorded"
    )
    require_approval("Bootstrap?", yes=yes)
    code = session.run_cdk(context, cdk, session.bootstrap_arguments(context, place), print_status)
    if code:
        raise typer.Exit(ExitCode.FAILED)
    made = make_table(account)
    print_status(f"the table {LEDGER_TABLE} {'was created' if made else 'exists'}")


@app.command(
    epilog=(
        "lisa deploy --env prod --plan plan.json\n\n"
        "lisa deploy --env prod --stack model-mistral7b\n\n"
        "lisa deploy --env prod --yes    [dim]# in a pipeline[/dim]"
    )
)
@takes(deployment_options)
def deploy(
    context: DeploymentContext,
    *,
    stack: Stack = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="Apply this file of `lisa plan`, and nothing else.", dir_okay=False
        ),
    ] = None,
    yes: Yes = False,
    allow_destroy: Annotated[
        bool,
        typer.Option(
            "--allow-destroy", help="With --yes, also approve destroying stacks that are no longer configured."
        ),
    ] = False,
    skip: Skip = None,
    allow_uncommitted: AllowUncommitted = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Accept a commit that does not contain the deployed one.")
    ] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not run `lisa verify` at the end.")] = False,
    token_file: TokenFile = None,
    ca_bundle: CaBundle = None,
) -> None:
    """Show the plan, publish artifacts, deploy the stacks and verify. Safe to rerun.

    After an interruption or a failure, rerun it to resume.
    """
    from lisa_compiler.cli.plans import show_plan  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.deploy.reviewed_plan import make_plan, read_plan  # noqa: PLC0415  # likewise
    from lisa_compiler.deploy.session import open_deploy_session  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.journal import open_journal  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.records import Result  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.source import read_source, require_committed  # noqa: PLC0415  # likewise
    from lisa_compiler.verification.verify import VerificationOptions  # noqa: PLC0415  # likewise

    reviewed = None if plan is None else read_plan(plan)
    if reviewed is not None:
        if stack is not None and stack != reviewed.only:
            raise typer.BadParameter("The plan selects the stacks.", param_hint="--stack")
        stack = reviewed.only or None
    checks, skipped = None, _skipped(skip)
    if not no_verify:
        checks = VerificationOptions(token=read_token(token_file), ca_bundle=ca_bundle, wait=_WAIT_AFTER_DEPLOYMENT)
    session = open_deploy_session(context, stack, print_status)
    source = read_source(context.project.root, context.output)
    if not allow_uncommitted:
        require_committed(source, context.environment)
    names = context.deployment.names
    with exit_if_locked(), open_journal(session.account, names, context.environment, "deploy", print_status) as journal:
        if not rollback:
            journal.require_successor(context.project.root, source)
        planned = session.plan_deployment(stack)
        if reviewed is not None:
            reviewed.require_unmoved(make_plan(session, planned, source, journal.base, stack))
        show_plan(context, [*planned.orphaned, *planned.steps])
        if planned.changes_nothing:
            print_status(f"{context.environment}: nothing to deploy")
        else:
            # A plan in a file was approved with what it destroys.
            approve(planned, Approval(yes=yes, destroy=allow_destroy or reviewed is not None))
            journal.begin(source, changed_stacks(planned), whole=stack is None)
            apply(session, planned, journal, reviewed, skipped)
        # A deployment that failed its verification does not succeed by being repeated.
        if checks is not None and (code := run_checks(context, planned.selected, session.cloudformation, checks)):
            journal.end(Result.FAILED, "verification failed")
            raise typer.Exit(code)


@app.command(epilog="lisa destroy --env dev")
@takes(deployment_options)
def destroy(context: DeploymentContext, *, stack: Stack = None, skip: Skip = None, yes: Yes = False) -> None:
    """Destroy an environment's stacks. removalPolicy controls data deletion."""
    from lisa_compiler.cli.plans import show_plan  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.deploy.session import open_session  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.journal import open_journal  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.source import read_source  # noqa: PLC0415  # likewise

    skipped = _skipped(skip)
    context.assembly()
    warn_if_out_of_date(context)
    session = open_session(context, print_status)
    source = read_source(context.project.root, context.output)
    names = context.deployment.names
    with (
        exit_if_locked(),
        open_journal(session.account, names, context.environment, "destroy", print_status) as journal,
    ):
        planned = session.plan_destruction(stack)
        if not planned.steps and not planned.orphaned:
            print_status(f"{context.environment}: nothing is deployed")
            return
        show_plan(context, [*planned.orphaned, *planned.steps])
        kept = "are kept" if context.deployment.retains else "are also deleted, including their data"
        policy = context.deployment.config.removal_policy
        print_status(f"removalPolicy is {policy}: buckets, tables and databases {kept}.")
        require_approval("Destroy?", yes=yes)
        journal.begin(source, changed_stacks(planned), whole=stack is None)
        _exit_on_failure(session.destroy(planned, skipped), journal)


@app.command(epilog="lisa drift --env prod --format json")
@takes(deployment_options)
def drift(
    context: DeploymentContext,
    *,
    form: Annotated[TableFormat, typer.Option("--format", help="Text or JSON.")] = TableFormat.TEXT,
) -> None:
    """Detect drift between the account and generated/<env>; exit 3 if found."""
    from lisa_compiler.cli.plans import show_drift  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.deploy.drift import find  # noqa: PLC0415  # likewise
    from lisa_compiler.deploy.session import open_cloudformation  # noqa: PLC0415  # likewise

    assembly = context.assembly()
    warn_if_out_of_date(context)
    cloudformation = open_cloudformation(context.account(), assembly)
    index = context.provenance()
    found = find(assembly, context.deployment, cloudformation, index)
    if form is TableFormat.JSON:
        write_output(json.dumps([asdict(item) for item in found], indent=2) + "\n")
    else:
        show_drift(context, found, index)
    raise typer.Exit(ExitCode.STALE if found else ExitCode.OK)


def approve(planned: StackPlan, approval: Approval) -> None:
    """Ask for the approval of a plan, unless the options give it.

    Raises:
        DeployError: it is not given.
    """
    if planned.orphaned and approval.yes and not approval.destroy:
        raise DeployError(
            f"{_names(planned.orphaned)} would be destroyed. To approve this with --yes, also pass --allow-destroy."
        )
    require_approval("Deploy?", yes=approval.yes)


def apply(
    session: DeploySession,
    planned: StackPlan,
    journal: Journal,
    reviewed: ReviewedPlan | None = None,
    skipped: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Publish artifacts and deploy an approved plan; a failure ends the command."""
    from lisa_compiler.artifacts.artifact_store import ArtifactStore  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.deploy.apply_plan import apply_plan  # noqa: PLC0415  # likewise

    context = session.context
    store = ArtifactStore(session.account, context.environment)
    publish_missing(context, store, session.assembly.artifacts_of(planned.selected))
    if reviewed is None or reviewed.recovery:
        outcome = session.deploy(planned, skipped)
    else:
        outcome = apply_plan(session, planned, reviewed, skipped)
    _exit_on_failure(outcome, journal)
    for key, value in outcome.outputs.items():
        write_output(f"{key} = {value}\n")


def changed_stacks(planned: StackPlan) -> list[str]:
    """Names of the stacks that a plan changes."""
    from lisa_compiler.deploy.plan import Action  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.deploy.states import Recovery  # noqa: PLC0415  # likewise

    steps = (*planned.orphaned, *planned.steps)
    return [step.name for step in steps if step.action is not Action.NONE or step.recovery is not Recovery.NONE]


def _exit_on_failure(outcome: Outcome, journal: Journal) -> None:
    from lisa_compiler.ledger.records import Result  # noqa: PLC0415  # boto3: 0.4 s

    if outcome.succeeded:
        return
    for name, failures in outcome.failures.items():
        print_status("\n".join([f"{name} failed:", *(f"  {failure}" for failure in failures)]))
    print_status("Fix the errors above and rerun the command; completed stacks are kept.")
    failed = ", ".join(outcome.failures) or f"`cdk` exited with code {outcome.code}"
    journal.end(Result.FAILED, failed)
    raise typer.Exit(ExitCode.FAILED)


def _skipped(names: Sequence[str] | None) -> Mapping[str, Sequence[str]]:
    """Logical ids by component, as --skip names them."""
    found: dict[str, list[str]] = {}
    for name in names or ():
        component, _, logical_id = name.rpartition(".")
        if not component or not logical_id:
            raise DeployError(f"Invalid --skip {name}: write the stack and the logical id, as `serve.LoadBalancer`.")
        found.setdefault(component, []).append(logical_id)
    return found


def _names(steps: Sequence[StackChange]) -> str:
    return ", ".join(step.name for step in steps)
