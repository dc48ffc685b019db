"""The commands that judge what is compiled: `lisa diff`, `lisa explain` and `lisa policy`, and their options."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.options import (
    HOW,
    WHAT,
    AccountNumber,
    AllEnvironments,
    Assignments,
    DeploymentName,
    DiagnosticFormat,
    Environment,
    Environments,
    Profile,
    Project,
    Region,
    one_or_all,
    shortcuts,
)
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.requests import request
from lisa_compiler.cli.reviewing import DiffFormat
from lisa_compiler.policy.finding import Tool

review_app = typer.Typer(rich_markup_mode="rich")


@review_app.command(epilog="lisa diff --env prod --base origin/main --format markdown")
def diff(
    *,
    project: Project = Path(),
    env: Environment = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REF",
            help="Branch, tag or commit to compare with (merge base); default: the default branch.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    form: Annotated[
        DiffFormat, typer.Option("--format", help="Text, Markdown for a pull request, or JSON.", rich_help_panel=HOW)
    ] = DiffFormat.TEXT,
) -> None:
    """Show the impact of changes in generated/, highest risk first. Runs offline."""
    from lisa_compiler.cli import reviewing

    raise typer.Exit(reviewing.diff(request(project, [env] if env else None), base, form))


@review_app.command(
    epilog=(
        "lisa explain ecsModels\\[0].instanceType --env prod\n\n"
        "lisa explain serve/TokenTable\n\n"
        "lisa explain generated/prod/litellm/config.yaml --env prod"
    )
)
def explain(
    target: Annotated[
        str, typer.Argument(metavar="WHAT", help="A key, a file of generated/, a logical id or a resource's name.")
    ],
    *,
    project: Project = Path(),
    env: Environment = None,
) -> None:
    """Show which settings produce a resource or file, or what a key affects."""
    from lisa_compiler.cli import reviewing

    raise typer.Exit(reviewing.explain(request(project, [env] if env else None), target))


@review_app.command(
    epilog="lisa policy --all --format github --sarif policy.sarif\n\nlisa policy --env dev --only lisa"
)
def policy(
    *,
    project: Project = Path(),
    env: Environments = None,
    all_environments: AllEnvironments = False,
    only: Annotated[
        list[Tool] | None,
        typer.Option("--only", help="Run only this check, may be repeated; default: all.", rich_help_panel=HOW),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Directory of the compiled output; default: generated/ of the project.",
        ),
    ] = None,
    today: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DAY",
            help="Date for the expiry of waivers, such as 2027-03-31; default: today.",
            rich_help_panel=HOW,
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Treat warnings as errors, for CI.", rich_help_panel=HOW)
    ] = False,
    sarif: Annotated[
        Path | None,
        typer.Option("--sarif", metavar="FILE", help="Also write SARIF, for code scanning.", rich_help_panel=HOW),
    ] = None,
    form: DiagnosticFormat = Format.TEXT,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Check compiled templates with cfn-lint, cdk-nag and LISA rules."""
    from lisa_compiler.cli import policing

    one_or_all(env, every=all_environments)
    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, env, every=all_environments, shortcuts=given, assignments=assignments)
    day = today.date() if today else datetime.now(UTC).date()
    options = policing.PolicyOptions(form=form, tools=frozenset(only or Tool), today=day, strict=strict, sarif=sarif)
    raise typer.Exit(policing.run(asked, output or project / "generated", options))
