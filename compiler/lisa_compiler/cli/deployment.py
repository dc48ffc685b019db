"""The commands that deploy: doctor, bootstrap, deploy, verify, destroy and drift, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.cli.options import (
    HOW,
    WHAT,
    AccountNumber,
    Assignments,
    DeploymentName,
    Environment,
    Profile,
    Project,
    Region,
    TableFormat,
    shortcuts,
)
from lisa_compiler.cli.requests import request

if TYPE_CHECKING:
    from lisa_compiler.verification.verify import VerificationOptions

deployment_app = typer.Typer()

_WAIT_AFTER_DEPLOYMENT = 900.0
"""Seconds in which a deployment that CloudFormation has finished must verify."""

Stack = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="One stack, by component or name.", rich_help_panel=WHAT),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="File with the token of requests; default: LISA_API_TOKEN.",
        rich_help_panel=HOW,
    ),
]
CaBundle = Annotated[
    Path | None,
    typer.Option(
        "--ca-bundle",
        metavar="FILE",
        help="PEM certificates to trust for the gateway; default: the system's.",
        exists=True,
        dir_okay=False,
        rich_help_panel=HOW,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approve the plan without a prompt.", rich_help_panel=HOW)]


@deployment_app.command(
    epilog=(
        "lisa doctor --env prod\n\n"
        "lisa doctor --env airgap --export facts.json    [dim]# where the account can be reached[/dim]\n\n"
        "lisa doctor --env airgap --facts facts.json     [dim]# elsewhere[/dim]"
    )
)
def doctor(
    *,
    project: Project = Path(),
    env: Environment = None,
    facts: Annotated[
        Path | None,
        typer.Option(
            "--facts",
            metavar="FILE",
            help="Read a file written by --export instead of the account.",
            rich_help_panel=HOW,
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FILE", help="Write the facts read from the account to a file.", rich_help_panel=HOW
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Treat warnings and unknown results as failures.", rich_help_panel=HOW)
    ] = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Text or JSON.", rich_help_panel=HOW)] = (
        TableFormat.TEXT
    ),
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Report what would fail in the account before a deployment. Changes nothing."""
    from lisa_compiler.cli import doctor as preflight
    from lisa_compiler.cli.targets import on_target

    if facts and export:
        raise typer.BadParameter("--facts and --export are mutually exclusive.", param_hint="--export")
    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    if export:
        raise typer.Exit(on_target(asked, lambda target: preflight.export(target, export)))
    as_json = form is TableFormat.JSON
    raise typer.Exit(on_target(asked, lambda target: preflight.examine(target, facts, as_json=as_json, strict=strict)))


@deployment_app.command(epilog="lisa bootstrap --env prod")
def bootstrap(
    *,
    project: Project = Path(),
    env: Environment = None,
    yes: Yes = False,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Prepare an account and Region once: the CDK's bucket, ECR repository and roles."""
    from lisa_compiler.cli import deploying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    raise typer.Exit(on_target(asked, lambda target: deploying.bootstrap(target, deploying.Consent(yes=yes))))


@deployment_app.command(
    epilog=(
        "lisa deploy --env prod --plan\n\n"
        "lisa deploy --env prod --stack model-mistral7b\n\n"
        "lisa deploy --env prod --yes    [dim]# in a pipeline[/dim]"
    )
)
def deploy(
    *,
    project: Project = Path(),
    env: Environment = None,
    stack: Stack = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show the plan and stop.", rich_help_panel=HOW)] = False,
    yes: Yes = False,
    allow_destroy: Annotated[
        bool,
        typer.Option(
            "--allow-destroy",
            help="With --yes, also approve destroying stacks that are no longer configured.",
            rich_help_panel=HOW,
        ),
    ] = False,
    no_verify: Annotated[
        bool,
        typer.Option("--no-verify", help="Do not run `lisa verify` at the end.", rich_help_panel=HOW),
    ] = False,
    token_file: TokenFile = None,
    ca_bundle: CaBundle = None,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Show the plan, publish artifacts, deploy the stacks and verify. Safe to rerun.

    After an interruption or a failure, rerun it to resume.
    """
    from lisa_compiler.cli import deploying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    consent = deploying.Consent(yes=yes, destroy=allow_destroy)
    checks = None if no_verify else _after_deployment(token_file, ca_bundle)
    raise typer.Exit(
        on_target(asked, lambda target: deploying.deploy(target, stack, consent, plan_only=plan, verification=checks))
    )


def _after_deployment(token_file: Path | None, ca_bundle: Path | None) -> VerificationOptions:
    from lisa_compiler.cli import verifying
    from lisa_compiler.verification.verify import VerificationOptions

    token = verifying.read_token(token_file)
    return VerificationOptions(token=token, ca_bundle=ca_bundle, wait=_WAIT_AFTER_DEPLOYMENT)


@deployment_app.command(epilog="lisa verify --env prod --wait 900")
def verify(
    *,
    project: Project = Path(),
    env: Environment = None,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", metavar="SECONDS", min=0, help="Repeat failed checks for this long.", rich_help_panel=HOW
        ),
    ] = 0,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", min=1, help="Timeout of each request.", rich_help_panel=HOW),
    ] = 60,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="Address of the gateway; default: the output of the serve stack.",
            rich_help_panel=HOW,
        ),
    ] = None,
    token_file: TokenFile = None,
    ca_bundle: CaBundle = None,
    form: Annotated[TableFormat, typer.Option("--format", help="Text or JSON.", rich_help_panel=HOW)] = (
        TableFormat.TEXT
    ),
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Verify that a deployment serves: stacks, instances, tasks, targets and requests.

    Exits with 1 if a check failed, and shows the fix. Requests require a token.
    """
    from lisa_compiler.cli import verifying
    from lisa_compiler.cli.targets import on_target
    from lisa_compiler.verification.verify import VerificationOptions

    if url is not None and not url.startswith(("https://", "http://")):
        raise typer.BadParameter("The address must start with https:// or http://.", param_hint="--url")
    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    options = VerificationOptions(
        token=verifying.read_token(token_file), url=url, ca_bundle=ca_bundle, timeout=timeout, wait=wait
    )
    as_json = form is TableFormat.JSON
    raise typer.Exit(on_target(asked, lambda target: verifying.verify(target, options, as_json=as_json)))


@deployment_app.command(epilog="lisa destroy --env dev")
def destroy(
    *,
    project: Project = Path(),
    env: Environment = None,
    stack: Stack = None,
    yes: Yes = False,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Destroy an environment's stacks. removalPolicy controls data deletion."""
    from lisa_compiler.cli import deploying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    raise typer.Exit(on_target(asked, lambda target: deploying.destroy(target, stack, deploying.Consent(yes=yes))))


@deployment_app.command(epilog="lisa drift --env prod --format json")
def drift(
    *,
    project: Project = Path(),
    env: Environment = None,
    form: Annotated[TableFormat, typer.Option("--format", help="Text or JSON.", rich_help_panel=HOW)] = (
        TableFormat.TEXT
    ),
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Detect drift between the account and generated/<env>; exit 3 if found."""
    from lisa_compiler.cli import deploying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    as_json = form is TableFormat.JSON
    raise typer.Exit(on_target(asked, lambda target: deploying.drift(target, as_json=as_json)))
