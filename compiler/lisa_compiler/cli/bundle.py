"""`lisa bundle`, `lisa bundle verify` and `lisa bundle unpack`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.bundle import archive as archives
from lisa_compiler.bundle.create import BundleInputs, create
from lisa_compiler.bundle.manifest import BundleManifest
from lisa_compiler.cli.deployment_options import open_context
from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import command_group, environment_options, takes
from lisa_compiler.cli.progress_bar import format_bytes, progress_step
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.project.paths import shown_path

app = command_group(invoke_without_command=True)

Archive = Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.", exists=True, dir_okay=False)]
Base = Annotated[
    Path | None,
    typer.Option(
        "--base",
        metavar="BUNDLE",
        help="Base bundle of an incremental bundle, or the directory of an unpacked one.",
        exists=True,
    ),
]


@app.callback(
    epilog="lisa bundle --env airgap -o lisa-1.tar\n\nlisa bundle --env airgap -o lisa-2.tar --base lisa-1.tar"
)
@takes(environment_options)
def bundle(
    invocation: Invocation,
    ctx: typer.Context,
    *,
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
        ),
    ] = None,
    wheels: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Wheels of LISA and its dependencies; default: downloaded with pip.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    cdk: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Package of the cdk CLI; default: downloaded with npm.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Omit missing files and list them.")] = False,
    old_allow_missing: Annotated[bool, typer.Option("--partial", hidden=True)] = False,
) -> None:
    """Package an environment for an air-gapped network."""
    if ctx.invoked_subcommand is not None:
        return
    if output is None:
        raise typer.BadParameter("Specify the bundle file with --output FILE.", param_hint="--output")
    omit = allow_missing or old_allow_missing
    inputs = BundleInputs(images=images, wheels=wheels, cdk=cdk, base=base, allow_missing=omit)
    manifest = create(output, open_context(invocation), inputs, progress_step)
    for name in manifest.missing:
        print_status(f"omitted: {name}")
    _print(manifest, output)
    write_output(f"{manifest.digest}  bundle.json\n")


@app.command("verify", epilog="lisa bundle verify lisa-2.tar --base lisa-1.tar")
def bundle_verify(archive: Archive, *, base: Base = None) -> None:
    """Verify every byte of a bundle against its manifest."""
    with progress_step(f"reading {archive.name}", archive.stat().st_size) as done:
        manifest = archives.verify(archive, base, partial(done, archive.name))
    if manifest.base is not None and base is None:
        others = len(manifest.files) - len(manifest.stored)
        print_status(
            f"Incremental to bundle {manifest.base}, which has the other {others} files. Pass --base to verify them."
        )
    _print(manifest, archive)
    write_output(f"{manifest.digest}  bundle.json\n")


@app.command("unpack", epilog="lisa bundle unpack lisa-2.tar ./lisa-2 --base ./lisa-1")
def bundle_unpack(
    archive: Archive,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty directory.")],
    *,
    base: Base = None,
) -> None:
    """Verify a bundle and unpack it atomically; an incremental one requires its base."""
    with progress_step(f"unpacking {archive.name}", archive.stat().st_size) as done:
        manifest = archives.unpack(archive, directory, base, partial(done, archive.name))
    _print(manifest, directory)
    print_status(f"Next: {shown_path(directory / 'install.sh')}")


def _print(manifest: BundleManifest, place: Path) -> None:
    stored = manifest.stored
    total = "" if manifest.base is None else f" of {len(manifest.files)}"
    print_status(
        f"{shown_path(place)}: LISA {manifest.lisa_version}, {manifest.environment}, {len(stored)}{total} files, "
        f"{format_bytes(sum(file.size for file in stored))}"
    )
