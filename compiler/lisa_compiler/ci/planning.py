"""The plan of an environment for a pipeline: the file that is applied, and what the person who approves has to know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lisa_compiler.artifacts.artifact_store import ArtifactStore
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.ci.standing import judge
from lisa_compiler.deploy.apply_plan import discard, prepare
from lisa_compiler.deploy.drift import DriftReason, find
from lisa_compiler.deploy.reviewed_plan import make_plan
from lisa_compiler.deploy.session import open_deploy_session
from lisa_compiler.ledger.overview import read_overview
from lisa_compiler.ledger.records import last_commit, newest
from lisa_compiler.ledger.source import read_source, require_committed
from lisa_compiler.project.git import GitError
from lisa_compiler.provenance.index import Index
from lisa_compiler.review import rendering
from lisa_compiler.review.comparison import review_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lisa_compiler.ci.standing import Standing
    from lisa_compiler.deploy.deployment_context import DeploymentContext
    from lisa_compiler.deploy.plan import StackChange
    from lisa_compiler.deploy.reviewed_plan import ReviewedPlan
    from lisa_compiler.deploy.session import DeploySession, StackPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """What a deployment would do.

    Attributes:
        environment: name of the environment.
        account: twelve digits.
        region: Region of the deployment.
        source: the commit, in a few words.
        standing: how the environment compares with the output.
        plan: the plan as its file has it; None when there is nothing to deploy.
        steps: what becomes of each stack; those that are destroyed first.
        modified: resources that were modified outside of CloudFormation.
        artifacts: those that the account does not have.
        weights: models whose weights are locked, but not in the bucket.
        impact: what changed since the deployed commit, as Markdown.
        holder: who holds the lock; empty when it is free.
    """

    environment: str
    account: str
    region: str
    source: str
    standing: Standing
    plan: ReviewedPlan | None = None
    steps: tuple[StackChange, ...] = ()
    modified: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    impact: str = ""
    holder: str = ""


def plan_for_pipeline(
    context: DeploymentContext, file: Path, tell: Callable[[str], None], *, always: bool
) -> PlanReport:
    """Plan the deployment of an environment, and write the plan.

    Args:
        context: the environment.
        file: where the plan is written, if there is anything to deploy.
        tell: receives what is being done.
        always: plan also when the ledger says that this output is deployed.

    Raises:
        DeployError: the output is not up to date or not committed, weights are not locked, or AWS rejects a request.
    """
    account = context.account()
    source = read_source(context.project.root, context.output)
    require_committed(source, context.environment)
    overview = read_overview(account, context.deployment.names, context.environment)
    standing = judge(overview.records, source.digest)
    report = PlanReport(
        environment=context.environment,
        account=account.number,
        region=account.region,
        source=source.describe(),
        standing=standing,
    )
    if not (standing.needs_deployment or always):
        return report
    session = open_deploy_session(context, None, tell)
    planned = session.plan_deployment(None, require_staged=False)
    if planned.changes_nothing:
        return report
    weights = _missing_weights(context, planned)
    made = prepare(session, make_plan(session, planned, source, newest(overview.records), None))
    try:
        made.write(file)
        return replace(
            report,
            plan=made,
            steps=(*planned.orphaned, *planned.steps),
            modified=_modified(context, session),
            artifacts=_missing_artifacts(context, session, planned),
            weights=weights,
            impact=_impact(context, last_commit(overview.records)),
            holder="" if overview.holder is None else overview.holder.describe(),
        )
    except BaseException:
        file.unlink(missing_ok=True)
        discard(session, made)
        raise


def _missing_weights(context: DeploymentContext, planned: StackPlan) -> tuple[str, ...]:
    """Models whose weights the deployment stages first; models that are not locked cannot have been reviewed."""
    components = {stack.component for stack in planned.selected}
    models = [model for model in context.deployment.models if model.component in components]
    needed = sorted({name for model in models for name in model.weights_names})
    if not needed:
        return ()
    workspace = context.workspace()
    lock, bucket = workspace.lock(), workspace.bucket()
    if unlocked := [name for name in needed if name not in lock.models]:
        raise DeployError(
            f"Weights are not locked: {', '.join(unlocked)}. Run `lisa weights stage --env {context.environment}`, "
            "then compile and commit."
        )
    return tuple(name for name in needed if bucket.verify(name, lock.models[name]))


def _modified(context: DeploymentContext, session: DeploySession) -> tuple[str, ...]:
    found = find(session.assembly, context.deployment, session.cloudformation, Index({}))
    out_of_band = [item for item in found if item.cause is DriftReason.OUT_OF_BAND]
    return tuple(sorted({f"{item.component}/{item.resource}" for item in out_of_band}))


def _missing_artifacts(context: DeploymentContext, session: DeploySession, planned: StackPlan) -> tuple[str, ...]:
    store = ArtifactStore(session.account, context.environment)
    artifacts = session.assembly.artifacts_of(planned.selected)
    return tuple(f"{artifact.kind.value} {artifact.name}" for artifact in artifacts if store.is_missing(artifact))


def _impact(context: DeploymentContext, deployed: str | None) -> str:
    if deployed is None:
        return "The impact is unknown, because the ledger has no deployed commit."
    try:
        review = review_environment(context.project.root, context.environment, deployed)
    except GitError as error:
        return f"The impact is unknown, because the deployed commit {deployed[:12]} cannot be read: {error}"
    return rendering.markdown(review.change, review.comparison)
