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
        help="Bundle, or directory that one was unpacked to, that it is a difference to.",
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
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The bundle to write; required to make one.")
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
            help="Wheels of LISA and all that it needs; pip fetches them when left out.",
            exists=True,
            file_okay=False,
            rich_help_panel=HOW,
        ),
    ] = None,
    cdk: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Package of the cdk CLI; npm fetches it when left out.",
            exists=True,
            dir_okay=False,
            rich_help_panel=HOW,
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Leave out what is not on this machine, and say so.", rich_help_panel=HOW),
    ] = False,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> None:
    """Pack everything that an environment needs in a network without internet into one file."""
    if ctx.invoked_subcommand is not None:
        return
    if output is None:
        raise typer.BadParameter("Name the file to write: --output FILE.", param_hint="--output")
    from lisa_compiler.bundle.create import Supplies
    from lisa_compiler.cli import bundling
    from lisa_compiler.cli.targets import on_target

    supplies = Supplies(images=images, wheels=wheels, cdk=cdk, base=base, partial=partial)
    given = shortcuts(profile, deployment_name, account_number, region)
    asked = request(project, [env] if env else None, shortcuts=given, assignments=assignments)
    raise typer.Exit(on_target(asked, lambda target: bundling.make(target, output, supplies)))


@bundle_app.command("verify", epilog="lisa bundle verify lisa-2.tar --base lisa-1.tar")
def bundle_verify(archive: Archive, *, base: Base = None) -> None:
    """Compare every byte of a bundle with what it says of itself."""
    from lisa_compiler.cli import bundling

    raise typer.Exit(bundling.verify(archive, base))


@bundle_app.command("unpack", epilog="lisa bundle unpack lisa-2.tar ./lisa-2 --base ./lisa-1")
def bundle_unpack(
    archive: Archive,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty directory.")],
    *,
    base: Base = None,
) -> None:
    """Unpack a bundle, verified, whole or not at all; a difference is made whole with its base."""
    from lisa_compiler.cli import bundling

    raise typer.Exit(bundling.unpack(archive, directory, base))
