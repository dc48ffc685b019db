"""The command `lisa ami refresh` and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.options import (
    HOW,
    AccountNumber,
    Assignments,
    DeploymentName,
    Environment,
    Profile,
    Project,
    Region,
    shortcuts,
)
from lisa_compiler.cli.requests import request

ami_app = typer.Typer(help="Pin the AMIs that EC2 instances boot.", no_args_is_help=True, rich_markup_mode="rich")


@ami_app.callback()
def ami() -> None:
    """Pin the AMIs that EC2 instances boot."""


@ami_app.command(
    epilog=(
        "lisa ami refresh --env prod\n\n"
        "lisa ami refresh --env prod --check    [dim]# exit 3 when there are newer AMIs[/dim]"
    )
)
def refresh(
    *,
    project: Project = Path(),
    env: Environment = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 3 when the lock file differs.", rich_help_panel=HOW),
    ] = False,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Read the SSM parameters of AMIs in the account, and update ami.<env>.lock.json."""
    from lisa_compiler.cli import machine_images
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    raise typer.Exit(on_target(asked, lambda target: machine_images.refresh(target, check=check)))
