"""The commands `lisa bundle …` and their options."""

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

bundle_app = typer.Typer(invoke_without_command=True, rich_markup_mode="rich")

Archive = Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.", exists=True, dir_okay=False)]
Base = Annotated[
    Path | None,
    typer.Option(
        "--base",
        metavar="BUNDLE",
        help="Base bundle of an incremental bundle, or the directory of an unpacked one.",
        exists=True,
        rich_help_panel=HOW,
    ),
]


@bundle_app.callback(
    epilog="lisa bundle --env airgap -o lisa-1.tar\n\nlisa bundle --env airgap -o lisa-2.tar --base lisa-1.tar"
)
def bundle(
    ctx: typer.Context,
    *,
    project: Project = Path(),
    env: Environment = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The bundle to write; required to create one.")
    ] = None,
    base: Base = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Archives of container images, SERVICE.tar as `docker save` writes them.",
            exists=True,
            file_okay=False,
            rich_help_panel=HOW,
        ),
    ] = None,
    wheels: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Wheels of LISA and its dependencies; default: downloaded with pip.",
            exists=True,
            file_okay=False,
            rich_help_panel=HOW,
        ),
    ] = None,
    cdk: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Package of the cdk CLI; default: downloaded with npm.",
            exists=True,
            dir_okay=False,
            rich_help_panel=HOW,
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Omit missing files and list them.", rich_help_panel=HOW),
    ] = False,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Package an environment for an air-gapped network."""
    if ctx.invoked_subcommand is not None:
        return
    if output is None:
        raise typer.BadParameter("Specify the bundle file with --output FILE.", param_hint="--output")
    from lisa_compiler.bundle.create import Supplies
    from lisa_compiler.cli import bundling
    from lisa_compiler.cli.targets import on_target

    supplies = Supplies(images=images, wheels=wheels, cdk=cdk, base=base, partial=partial)
    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    raise typer.Exit(on_target(asked, lambda target: bundling.make(target, output, supplies)))


@bundle_app.command("verify", epilog="lisa bundle verify lisa-2.tar --base lisa-1.tar")
def bundle_verify(archive: Archive, *, base: Base = None) -> None:
    """Verify every byte of a bundle against its manifest."""
    from lisa_compiler.cli import bundling

    raise typer.Exit(bundling.verify(archive, base))


@bundle_app.command("unpack", epilog="lisa bundle unpack lisa-2.tar ./lisa-2 --base ./lisa-1")
def bundle_unpack(
    archive: Archive,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty directory.")],
    *,
    base: Base = None,
) -> None:
    """Verify a bundle and unpack it atomically; an incremental one requires its base."""
    from lisa_compiler.cli import bundling

    raise typer.Exit(bundling.unpack(archive, directory, base))
