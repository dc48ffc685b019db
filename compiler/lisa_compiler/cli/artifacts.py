"""`lisa artifacts …`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.artifacts import images, supply
from lisa_compiler.artifacts.vendor import vendor
from lisa_compiler.cli.deployment_options import deployment_options, warn_if_out_of_date
from lisa_compiler.cli.options import ProjectDirectory, TableFormat, command_group, takes
from lisa_compiler.cli.progress_bar import format_bytes, progress_step
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.cli.weights_events import print_events
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.project.paths import shown_path
from lisa_weights.stage import missing_models
from lisa_weights.transfer import upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lisa_compiler.artifacts.artifact import Artifact
    from lisa_compiler.artifacts.artifact_store import ArtifactStore
    from lisa_compiler.artifacts.supply import ArtifactStatus, Built

app = command_group("Build and publish the artifacts of a deployment: images, layers, code, weights.")

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ARTIFACT]...", help="layers, code, web, images, weights, or a name; default: all."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Do not connect to the account.")]


@app.command("list", epilog="lisa artifacts list --env prod --offline")
@takes(deployment_options)
def artifacts_list(
    context: DeploymentContext,
    *,
    offline: Offline = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Table or JSON.")] = TableFormat.TEXT,
) -> None:
    """List artifacts: digest, whether they are built, and whether the account has them."""
    artifacts = context.assembly().artifacts
    warn_if_out_of_date(context)
    store = None if offline else _store(context)
    rows = supply.list_artifacts(context.project.root, artifacts, store, context.workspace())
    if form is TableFormat.JSON:
        write_output(json.dumps([_as_json(row) for row in rows], indent=2) + "\n")
        return
    write_output(table(("KIND", "NAME", "DIGEST", "SIZE", "BUILT", "IN ACCOUNT"), [_cells(row) for row in rows]))


@app.command("build", epilog="lisa artifacts build layers --env prod --offline")
@takes(deployment_options)
def artifacts_build(context: DeploymentContext, names: Names = None, *, offline: Offline = False) -> None:
    """Build artifacts that the account does not have, or offline, those that are not built."""
    selected = supply.select(context.up_to_date_assembly().artifacts, names or ())
    built = supply.build(context.project.root, selected, None if offline else _store(context))
    if not _print_built(built):
        print_status(f"{context.environment}: the account has all requested artifacts; nothing to build")


@app.command("save", epilog="lisa artifacts save --env airgap --output images")
@takes(deployment_options)
def artifacts_save(
    context: DeploymentContext,
    names: Names = None,
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Output directory of the archives.", file_okay=False),
    ] = Path("images"),
) -> None:
    """Write images as archives for `lisa bundle --images`; build missing ones first."""
    selected = supply.select(context.up_to_date_assembly().artifacts, names or ())
    if not _print_built(supply.save_images(selected, output)):
        print_status(f"{context.environment}: no image to save; images of type ecr and registry are not built")


@app.command("materialize", epilog="lisa artifacts materialize --env prod")
def artifacts_materialize(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ARTIFACT]...", help="Names in manifest.json. Default: all.")
    ] = None,
    *,
    project: ProjectDirectory = Path(),
    env: Annotated[str, typer.Option("--env", "-e", metavar="NAME", help="Environment to materialize.")],
    image: Annotated[bool, typer.Option("--image", help="Build a container context and print the image.")] = False,
) -> None:
    """Write the product code of generated/ into .lisa/artifacts, and print the paths."""
    for place in supply.materialize(project, env, names or (), image=image):
        write_output(f"{place}\n")


@app.command("vendor", epilog="lisa artifacts vendor --env prod deployment")
@takes(deployment_options)
def artifacts_vendor(
    context: DeploymentContext,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New directory to write.")],
) -> None:
    """Write a self-contained deployment into DIR, for pipelines without LISA."""
    context.require_up_to_date()
    vendor(context.project.root, context.environment, directory)
    print_status(
        f"{context.environment}: vendored → {shown_path(directory)}; deploy with `cdk deploy --app DIR/cloudformation`"
    )


@app.command("publish", epilog="lisa artifacts publish --env prod")
@takes(deployment_options)
def artifacts_publish(context: DeploymentContext, names: Names = None) -> None:
    """Build and upload artifacts that the account does not have. Safe to rerun."""
    artifacts = context.up_to_date_assembly().artifacts
    publish_missing(context, _store(context), supply.select(artifacts, names or ()))
    if not names or supply.WEIGHTS in names:
        _publish_weights(context)


@app.command("builder")
def artifacts_builder(*, project: ProjectDirectory = Path()) -> None:  # noqa: ARG001  # every command takes it
    """Show which container build tool is used (Docker or Buildah)."""
    builder = images.find_builder()
    write_output(f"{type(builder).__name__.lower()} {builder.version} ({builder.program})\n")


@app.command("login", epilog="lisa artifacts login --env prod")
@takes(deployment_options)
def artifacts_login(context: DeploymentContext) -> None:
    """Log Docker or Buildah in to the ECR registries of accountNumbersEcr."""
    from lisa_compiler.artifacts.artifact_store import log_in_to  # noqa: PLC0415  # boto3: 0.4 s, and not every command's

    config, partition = context.deployment.config, context.deployment.region.partition
    accounts = config.account_numbers_ecr
    if not accounts:
        print_status(f"{context.environment}: accountNumbersEcr is empty; nothing to log in to")
        return
    registries = [f"{number}.dkr.ecr.{config.region}.{partition.dns_suffix}" for number in accounts]
    log_in_to(images.find_builder(), context.account(), registries)
    for registry in registries:
        print_status(f"logged in to {registry}")


def publish_missing(context: DeploymentContext, store: ArtifactStore, artifacts: Sequence[Artifact]) -> None:
    """Build and upload those artifacts that the account lacks, and print each."""
    published = False
    for one in supply.publish(context.project.root, artifacts, store):
        published = True
        artifact = one.artifact
        print_status(f"{artifact.title}: published as {artifact.digest[:12]} ({one.seconds:.1f} s)")
    if not published:
        print_status(f"{context.environment}: the account has every artifact")


def _publish_weights(context: DeploymentContext) -> None:
    workspace = context.workspace()
    if missing := missing_models(workspace):
        print_events(upload(workspace, missing, progress_step))
    elif workspace.needed:
        print_status(f"{context.environment}: the bucket {workspace.bucket_name} has all weights")


def _store(context: DeploymentContext) -> ArtifactStore:
    from lisa_compiler.artifacts.artifact_store import ArtifactStore  # noqa: PLC0415  # boto3: 0.4 s, and not every command's

    return ArtifactStore(context.account(), context.environment)


def _print_built(built: Iterable[Built]) -> bool:
    """Print what is built as soon as it is; returns whether anything was."""
    found = False
    for one in built:
        found = True
        if one.path is not None:
            what = f"{shown_path(one.path)}, {format_bytes(one.path.stat().st_size)}"
        else:
            what = f"{one.image.partition(':')[0]} by {type(images.find_builder()).__name__.lower()}"
        print_status(f"{one.artifact.title}: {what} ({one.seconds:.1f} s)")
    return found


def _as_json(row: ArtifactStatus) -> dict[str, object]:
    return {
        "kind": row.kind,
        "name": row.name,
        "digest": row.digest or None,
        "bytes": row.size,
        "built": row.built,
        "inAccount": row.in_account,
    }


def _cells(row: ArtifactStatus) -> tuple[str, ...]:
    size = "-" if row.size is None else format_bytes(row.size)
    return row.kind, row.name, row.digest[:12] or "-", size, "yes" if row.built else "no", row.in_account
