"""`lisa plan`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.cli.deployment_options import deployment_options
from lisa_compiler.cli.options import SCOPE, command_group, takes
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.project.git import GitError
from lisa_compiler.project.paths import shown_path

if TYPE_CHECKING:
    from lisa_compiler.deploy.reviewed_plan import ReviewedPlan
    from lisa_compiler.deploy.session import DeploySession, StackPlan
    from lisa_compiler.review.change import OutputChange

app = command_group()


@app.command(
    epilog=(
        "lisa plan --env prod\n\n"
        "lisa plan --env prod --out plan.json    [dim]# then: lisa deploy --env prod --plan plan.json[/dim]"
    )
)
@takes(deployment_options)
def plan(
    context: DeploymentContext,
    *,
    stack: Annotated[
        str | None,
        typer.Option("--stack", metavar="NAME", help="One stack, by component or name.", rich_help_panel=SCOPE),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Make change sets, and write the plan to a file.", dir_okay=False
        ),
    ] = None,
    allow_uncommitted: Annotated[
        bool, typer.Option("--allow-uncommitted", help="Accept files that are not committed.")
    ] = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 3 if the deployment would change something.")
    ] = False,
) -> None:
    """Show what a deployment would change; with --out, as a file to approve and apply."""
    from lisa_compiler.cli.plans import show_plan  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.deploy.apply_plan import discard, prepare  # noqa: PLC0415  # likewise
    from lisa_compiler.deploy.reviewed_plan import make_plan  # noqa: PLC0415  # likewise
    from lisa_compiler.deploy.session import open_deploy_session  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.overview import read_overview  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.records import last_commit, newest  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.source import read_source, require_committed  # noqa: PLC0415  # likewise
    from lisa_compiler.review.fit import cost_rows  # noqa: PLC0415  # the review: 0.1 s
    from lisa_compiler.review.impact import impact_lines  # noqa: PLC0415  # likewise

    session = open_deploy_session(context, stack, print_status)
    source = read_source(context.project.root, context.output)
    if not allow_uncommitted:
        require_committed(source, context.environment)
    overview = read_overview(session.account, context.deployment.names, context.environment)
    planned = session.plan_deployment(stack)
    print_status(f"source: {source.describe()}")
    if overview.holder is not None:
        print_status(f"locked by {overview.holder.describe()}")
    show_plan(context, [*planned.orphaned, *planned.steps])
    if planned.changes_nothing:
        print_status(f"{context.environment}: nothing to deploy")
        return
    change = _show_impact(context, last_commit(overview.records))
    _show_drift(context, session)
    _show_artifacts(context, session, planned)
    if out is not None:
        made = prepare(session, make_plan(session, planned, source, newest(overview.records), stack))
        if change is not None:
            cost = "; ".join(cost_rows(change.cost_before, change.cost_after))
            made = replace(made, impacts=impact_lines(change.impacts), cost=cost)
        try:
            made.write(out)
        except DeployError:
            discard(session, made)
            raise
        _show_change_sets(made)
        print_status(
            f"wrote {shown_path(out)}, valid until {made.expires}; apply it with "
            f"`lisa deploy --env {context.environment} --plan {shown_path(out)}`"
        )
    if detailed_exitcode:
        raise typer.Exit(ExitCode.STALE)


def _show_impact(context: DeploymentContext, deployed: str | None) -> OutputChange | None:
    """Print what changed since the deployed commit, as `lisa diff` does; None where that is unknown."""
    from lisa_compiler.review import rendering  # noqa: PLC0415  # the review: 0.1 s
    from lisa_compiler.review.comparison import review_environment  # noqa: PLC0415  # likewise

    if deployed is None:
        print_status("impact: unknown, because the ledger has no deployed commit")
        return None
    try:
        review = review_environment(context.project.root, context.environment, deployed)
    except GitError as error:
        print_status(f"impact: unknown, because the deployed commit {deployed[:12]} cannot be read: {error}")
        return None
    write_output(rendering.text(review.change, review.comparison))
    return review.change


def _show_drift(context: DeploymentContext, session: DeploySession) -> None:
    """Print what was changed outside of CloudFormation, which the deployment would not know of."""
    from lisa_compiler.deploy.drift import DriftReason, find  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.provenance.index import Index  # noqa: PLC0415  # likewise

    found = find(session.assembly, context.deployment, session.cloudformation, Index({}))
    changed = sorted({f"{item.component}/{item.resource}" for item in found if item.cause is DriftReason.OUT_OF_BAND})
    if changed:
        print_status(
            f"modified outside CloudFormation: {', '.join(changed)}. "
            f"`lisa drift --env {context.environment}` shows the values."
        )


def _show_artifacts(context: DeploymentContext, session: DeploySession, planned: StackPlan) -> None:
    """Print the artifacts that the account does not have."""
    from lisa_compiler.artifacts.artifact_store import ArtifactStore  # noqa: PLC0415  # boto3: 0.4 s

    store = ArtifactStore(session.account, context.environment)
    missing = [
        f"{artifact.kind.value} {artifact.name}"
        for artifact in session.assembly.artifacts_of(planned.selected)
        if store.is_missing(artifact)
    ]
    print_status(f"artifacts to publish: {', '.join(missing) or 'none'}")


def _show_change_sets(plan: ReviewedPlan) -> None:
    for stack in plan.stacks:
        if stack.change_set:
            lines = "".join(f"\n  {action}" for action in stack.actions) or " nothing"
            write_output(f"{stack.component}, change set of CloudFormation:{lines}\n")
