"""What the commands of `lisa artifacts` do: supply an account with images, layers, code and weights."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.artifacts import building, images
from lisa_compiler.artifacts.artifact import Context, Kind, ProductSource
from lisa_compiler.artifacts.product import product_artifact, product_sources
from lisa_compiler.artifacts.publishing import Shelf, log_in_to
from lisa_compiler.artifacts.vendor import vendor as write_vendored
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.cli import staging
from lisa_compiler.cli.requests import shown_path
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.targets import Target
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.cli.transfers import size

if TYPE_CHECKING:
    from pathlib import Path

    from lisa_compiler.artifacts.artifact import Artifact
    from lisa_compiler.artifacts.images import Builder

WEIGHTS = "weights"
"""What weights are called among the kinds of artifacts."""


@dataclass(frozen=True, slots=True)
class _Row:
    """An artifact in the list.

    Attributes:
        built: whether it is on this machine.
        there: `yes`, `missing`, `unknown` when nobody asked, or `cdk` when the `cdk` CLI puts it there.
    """

    kind: str
    name: str
    digest: str
    size: int | None
    built: bool
    there: str


def show(target: Target, *, offline: bool, as_json: bool) -> ExitCode:
    """Print the artifacts of an environment: what they are made from, and whether they are built and in the account."""
    artifacts = target.assembly().artifacts
    target.warn_if_out_of_date()
    shelf = None if offline else Shelf(target.account(), target.environment)
    builder = _builder_if_any(artifacts)
    rows = [_row(target, artifact, shelf, builder) for artifact in artifacts]
    rows += _weights_rows(target, ask=not offline)
    if as_json:
        content = [
            {
                "kind": row.kind,
                "name": row.name,
                "digest": row.digest or None,
                "bytes": row.size,
                "built": row.built,
                "inAccount": row.there,
            }
            for row in rows
        ]
        put(json.dumps(content, indent=2) + "\n")
        return ExitCode.OK
    cells = [
        (
            row.kind,
            row.name,
            row.digest[:12] or "-",
            "-" if row.size is None else size(row.size),
            "yes" if row.built else "no",
            row.there,
        )
        for row in rows
    ]
    put(table(("KIND", "NAME", "DIGEST", "SIZE", "BUILT", "IN ACCOUNT"), cells))
    return ExitCode.OK


def build(target: Target, names: Sequence[str], *, offline: bool) -> ExitCode:
    """Build what the account lacks; offline, whatever is not built."""
    artifacts = _chosen(target.fresh_assembly().artifacts, names)
    if not offline:
        shelf = Shelf(target.account(), target.environment)
        artifacts = [artifact for artifact in artifacts if not artifact.places or shelf.lacks(artifact)]
    for artifact in artifacts:
        _build(target, artifact)
    if not artifacts:
        say(f"{target.environment}: the account has all requested artifacts; nothing to build")
    return ExitCode.OK


def save(target: Target, names: Sequence[str], folder: Path) -> ExitCode:
    """Write images as archives, `<name>.tar`, built where they are not; `lisa bundle` packs them."""
    chosen = [each for each in _chosen(target.fresh_assembly().artifacts, names) if each.kind is Kind.IMAGE]
    if not chosen:
        say(f"{target.environment}: no image to save; images of type ecr and registry are not built")
        return ExitCode.OK
    builder = images.find()
    for artifact in chosen:
        began = time.perf_counter()
        path = folder / f"{artifact.name}.tar"
        images.save(builder, images.make(builder, artifact), path)
        say(f"{artifact.title}: {shown_path(path)}, {size(path.stat().st_size)} ({time.perf_counter() - began:.1f} s)")
    return ExitCode.OK


def publish(target: Target, names: Sequence[str]) -> ExitCode:
    """Build and upload what the account lacks, weights included; safe to run again at any time."""
    artifacts = target.fresh_assembly().artifacts
    publish_missing(target, Shelf(target.account(), target.environment), _chosen(artifacts, names))
    if not names or WEIGHTS in names:
        return _publish_weights(target)
    return ExitCode.OK


def publish_missing(target: Target, shelf: Shelf, artifacts: Sequence[Artifact]) -> None:
    """Build and upload those artifacts that the account lacks.

    Raises:
        DeployError: one of them cannot be built or uploaded; those before it are there.
    """
    missing = [artifact for artifact in artifacts if artifact.places and shelf.lacks(artifact)]
    prepare([artifact for artifact in artifacts if not artifact.places], target.project)
    for artifact in missing:
        began = time.perf_counter()
        if artifact.kind is Kind.IMAGE:
            builder = images.find()
            shelf.put_image(artifact, builder, images.make(builder, artifact))
        else:
            shelf.put_file(artifact, building.build(target.project, artifact))
        say(f"{artifact.title}: published as {artifact.digest[:12]} ({time.perf_counter() - began:.1f} s)")
    if not missing:
        say(f"{target.environment}: the account has every artifact")


def prepare(artifacts: Iterable[Artifact], project: Path) -> None:
    """Write the files and build contexts that the `cdk` CLI takes from `.lisa/artifacts` (legacy synthesizer).

    Raises:
        DeployError: one of them cannot be written.
    """
    for artifact in artifacts:
        if isinstance(artifact.source, ProductSource):
            building.build(project, artifact)
        elif isinstance(artifact.source, Context):
            building.lay_out(artifact.source)


def materialize(project: Path, environment: str, names: Sequence[str], *, image: bool) -> ExitCode:
    """Write product code as the manifest names it, and print where it is; this reads no configuration.

    Args:
        project: directory of config.yaml.
        environment: name of the environment.
        names: such as `functions/session`; every artifact when empty.
        image: build the image of a context, and print its name instead.

    Raises:
        DeployError: there is no such artifact, or the sources are not those that were compiled for.
    """
    # The `cdk` CLI reads the path in its own working directory.
    project = project.resolve()
    sources = product_sources(project / "generated" / environment, project)
    if unknown := [name for name in names if name not in sources]:
        raise DeployError(f"Unknown artifact {unknown[0]} in {environment}: use one of {', '.join(sources)}.")
    for name in names or sources:
        artifact = product_artifact(sources[name])
        if isinstance(artifact.source, Context):
            place = images.make(images.find(), artifact) if image else str(building.lay_out(artifact.source))
        else:
            place = str(building.build(project, artifact))
        put(f"{place}\n")
    return ExitCode.OK


def vendor(target: Target, directory: Path) -> ExitCode:
    """Write everything that a deployment needs but for images and weights, for pipelines without LISA."""
    target.require_up_to_date()
    write_vendored(target.project, target.environment, directory)
    say(f"{target.environment}: vendored → {shown_path(directory)}; deploy with `cdk deploy --app DIR/cloudformation`")
    return ExitCode.OK


def say_builder() -> ExitCode:
    """Say what builds container images here."""
    builder = images.find()
    put(f"{type(builder).__name__.lower()} {builder.version} ({builder.program})\n")
    return ExitCode.OK


def log_in(target: Target) -> ExitCode:
    """Log the builder in to the registries of accountNumbersEcr, which base images are pulled from."""
    config, partition = target.deployment.config, target.deployment.region.partition
    accounts = config.account_numbers_ecr
    if not accounts:
        say(f"{target.environment}: accountNumbersEcr is empty; nothing to log in to")
        return ExitCode.OK
    registries = [f"{number}.dkr.ecr.{config.region}.{partition.dns_suffix}" for number in accounts]
    log_in_to(images.find(), target.account(), registries)
    for registry in registries:
        say(f"logged in to {registry}")
    return ExitCode.OK


def _chosen(artifacts: Sequence[Artifact], names: Sequence[str]) -> list[Artifact]:
    """Those of a kind (`layer` or `layers`) or a name; all when nothing is named."""
    known = {WEIGHTS} | {word for artifact in artifacts for word in _words(artifact)}
    if unknown := [name for name in names if name not in known]:
        raise DeployError(f"Unknown artifact {unknown[0]}: run `lisa artifacts list` to see types and names.")
    return [artifact for artifact in artifacts if not names or _words(artifact) & set(names)]


def _words(artifact: Artifact) -> set[str]:
    return {artifact.kind.value, f"{artifact.kind}s", artifact.name}


def _build(target: Target, artifact: Artifact) -> None:
    began = time.perf_counter()
    if artifact.kind is Kind.IMAGE:
        builder = images.find()
        made = f"{images.make(builder, artifact).partition(':')[0]} by {type(builder).__name__.lower()}"
    else:
        path = building.build(target.project, artifact)
        made = f"{shown_path(path)}, {size(path.stat().st_size)}"
    say(f"{artifact.title}: {made} ({time.perf_counter() - began:.1f} s)")


def _builder_if_any(artifacts: Iterable[Artifact]) -> Builder | None:
    if not any(artifact.kind is Kind.IMAGE for artifact in artifacts):
        return None
    try:
        return images.find()
    except DeployError:
        return None


def _row(target: Target, artifact: Artifact, shelf: Shelf | None, builder: Builder | None) -> _Row:
    there = "unknown"
    if not artifact.places:
        there = "cdk"
    elif shelf is not None:
        there = "missing" if shelf.lacks(artifact) else "yes"
    path = building.built_path(target.project, artifact)
    if artifact.kind is Kind.IMAGE:
        built, length = builder is not None and builder.has(images.local_name(artifact)), None
    else:
        built, length = path.is_file(), path.stat().st_size if path.is_file() else None
    return _Row(artifact.kind, artifact.name, artifact.digest, length, built, there)


def _weights_rows(target: Target, *, ask: bool) -> list[_Row]:
    from lisa_weights.model_directory import LocalState
    from lisa_weights.status import BucketState, status

    workspace = target.workspace()
    lock = workspace.lock()
    found = status(workspace.needed, workspace.models, lock, workspace.bucket() if ask else None)
    words = {BucketState.UNKNOWN: "unknown", BucketState.SAME: "yes", BucketState.ABSENT: "missing"}
    return [
        _Row(
            WEIGHTS,
            row.model,
            "",
            row.total_bytes or None,
            row.local is LocalState.COMPLETE,
            words.get(row.bucket, row.bucket.value),
        )
        for row in found
        if row.needed
    ]


def _publish_weights(target: Target) -> ExitCode:
    workspace = target.workspace()
    bucket, lock = workspace.bucket(), workspace.lock()
    missing = [
        model for model in workspace.needed if model not in lock.models or bucket.verify(model, lock.models[model])
    ]
    if missing:
        return staging.upload(workspace, missing)
    if workspace.needed:
        say(f"{target.environment}: the bucket {bucket.name} has all weights")
    return ExitCode.OK
