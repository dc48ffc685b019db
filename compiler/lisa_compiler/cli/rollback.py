"""`lisa rollback`."""

from __future__ import annotations

from typing import Annotated

import typer

from lisa_compiler.cli.deploy import Approval, apply, approve, changed_stacks
from lisa_compiler.cli.deployment_options import deployment_options
from lisa_compiler.cli.locked import exit_if_locked
from lisa_compiler.cli.options import command_group, takes
from lisa_compiler.cli.terminal import print_status
from lisa_compiler.deploy.deployment_context import DeploymentContext

app = command_group()


@app.command(epilog="lisa rollback --env prod")
@takes(deployment_options)
def rollback(
    context: DeploymentContext,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="COMMIT", help="A commit whose deployment succeeded; default: the last one before this."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve the plan without a prompt.")] = False,
    allow_destroy: Annotated[
        bool, typer.Option("--allow-destroy", help="With --yes, also approve destroying stacks that it does not have.")
    ] = False,
) -> None:
    """Deploy the output of the last commit whose deployment succeeded, as it was reviewed then."""
    from lisa_compiler.aws.errors import DeployError  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.cli.plans import show_plan  # noqa: PLC0415  # likewise
    from lisa_compiler.deploy import cdk  # noqa: PLC0415  # likewise
    from lisa_compiler.deploy.deployment_context import open_deployment  # noqa: PLC0415  # likewise
    from lisa_compiler.deploy.session import DeploySession  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.checkout import checked_out, find_target  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.journal import open_journal  # noqa: PLC0415  # likewise
    from lisa_compiler.ledger.source import read_source  # noqa: PLC0415  # likewise
    from lisa_compiler.project.project import Project  # noqa: PLC0415  # likewise

    account, names, environment = context.account(), context.deployment.names, context.environment
    root = context.project.root
    with exit_if_locked(), open_journal(account, names, environment, "rollback", print_status) as journal:
        target = find_target(journal.earlier, to, environment)
        print_status(f"rolling back to commit {target.commit[:12]}, deployed {target.began} by {target.owner}")
        with checked_out(root, target.commit) as project:
            earlier = open_deployment(Project(project, context.project.options, context.project.changes), environment)
            source = read_source(project, earlier.output)
            if source.digest != target.digest:
                raise DeployError(
                    f"The output of {environment} in commit {target.commit[:12]} is not the one that was deployed then."
                )
            session = DeploySession(earlier, earlier.assembly(), cdk.find(root), account, print_status)
            planned = session.plan_deployment(None)
            show_plan(earlier, [*planned.orphaned, *planned.steps])
            if planned.changes_nothing:
                print_status(f"{environment}: nothing to deploy")
                return
            approve(planned, Approval(yes=yes, destroy=allow_destroy))
            journal.begin(source, changed_stacks(planned), whole=True)
            apply(session, planned, journal, None)
    print_status(
        f"{environment} is at commit {target.commit[:12]}. Run `lisa verify --env {environment}`, and revert the later "
        "commits in the repository, so that the next deployment does not bring them back."
    )
