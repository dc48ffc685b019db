"""The commands `lisa artifacts …` and their options."""

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
    TableFormat,
    shortcuts,
)
from lisa_compiler.cli.requests import request

artifacts_app = typer.Typer(
    help="Build and publish the artifacts of a deployment: images, layers, code, weights.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ARTIFACT]...", help="layers, code, web, images, weights, or a name; default: all."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Do not connect to the account.", rich_help_panel=HOW)]


@artifacts_app.command("list", epilog="lisa artifacts list --env prod --offline")
def artifacts_list(
    *,
    project: Project = Path(),
    env: Environment = None,
    offline: Offline = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Table or JSON.", rich_help_panel=HOW)] = (
        TableFormat.TEXT
    ),
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """List artifacts: digest, whether they are built, and whether the account has them."""
    from lisa_compiler.cli import supplying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    as_json = form is TableFormat.JSON
    raise typer.Exit(
        on_target(
            request(project, [env] if env else None, shortcuts=given, assignments=assignments),
            lambda target: supplying.show(target, offline=offline, as_json=as_json),
        )
    )


@artifacts_app.command("build", epilog="lisa artifacts build layers --env prod --offline")
def artifacts_build(
    names: Names = None,
    *,
    project: Project = Path(),
    env: Environment = None,
    offline: Offline = False,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Build artifacts that the account does not have, or offline, those that are not built."""
    from lisa_compiler.cli import supplying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    raise typer.Exit(
        on_target(
            request(project, [env] if env else None, shortcuts=given, assignments=assignments),
            lambda target: supplying.build(target, names or (), offline=offline),
        )
    )


@artifacts_app.command("save", epilog="lisa artifacts save --env airgap --output images")
def artifacts_save(
    names: Names = None,
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Output directory of the archives.", rich_help_panel=HOW),
    ] = Path("images"),
    project: Project = Path(),
    env: Environment = None,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Write images as archives for `lisa bundle --images`; build missing ones first."""
    from lisa_compiler.cli import supplying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    raise typer.Exit(
        on_target(
            request(project, [env] if env else None, shortcuts=given, assignments=assignments),
            lambda target: supplying.save(target, names or (), output),
        )
    )


@artifacts_app.command("materialize", epilog="lisa artifacts materialize --env prod")
def artifacts_materialize(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ARTIFACT]...", help="Names in manifest.json. Default: all.")
    ] = None,
    *,
    project: Project = Path(),
    env: Annotated[str, typer.Option("--env", "-e", metavar="NAME", help="Environment to materialize.")],
    image: Annotated[
        bool, typer.Option("--image", help="Build a container context and print the image.", rich_help_panel=HOW)
    ] = False,
) -> None:
    """Write the product code of generated/ into .lisa/artifacts, and print the paths."""
    from lisa_compiler.cli import supplying

    raise typer.Exit(supplying.materialize(project, env, names or (), image=image))


@artifacts_app.command("vendor", epilog="lisa artifacts vendor --env prod deployment")
def artifacts_vendor(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New directory to write.")],
    *,
    project: Project = Path(),
    env: Environment = None,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Write a self-contained deployment into DIR, for pipelines without LISA."""
    from lisa_compiler.cli import supplying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    raise typer.Exit(
        on_target(
            request(project, [env] if env else None, shortcuts=given, assignments=assignments),
            lambda target: supplying.vendor(target, directory),
        )
    )


@artifacts_app.command("publish", epilog="lisa artifacts publish --env prod")
def artifacts_publish(
    names: Names = None,
    *,
    project: Project = Path(),
    env: Environment = None,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Build and upload artifacts that the account does not have. Safe to rerun."""
    from lisa_compiler.cli import supplying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    raise typer.Exit(
        on_target(
            request(project, [env] if env else None, shortcuts=given, assignments=assignments),
            lambda target: supplying.publish(target, names or ()),
        )
    )


@artifacts_app.command("builder")
def artifacts_builder(*, project: Project = Path()) -> None:  # noqa: ARG001  # every command takes it
    """Show which container build tool is used (Docker or Buildah)."""
    from lisa_compiler.cli import supplying

    raise typer.Exit(supplying.say_builder())


@artifacts_app.command("login", epilog="lisa artifacts login --env prod")
def artifacts_login(
    *,
    project: Project = Path(),
    env: Environment = None,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Log Docker or Buildah in to the ECR registries of accountNumbersEcr."""
    from lisa_compiler.cli import supplying
    from lisa_compiler.cli.targets import on_target

    given = shortcuts(profile, deployment_name, account_number, region)
    raise typer.Exit(
        on_target(request(project, [env] if env else None, shortcuts=given, assignments=assignments), supplying.log_in)
    )
