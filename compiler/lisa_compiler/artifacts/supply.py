"""The use cases of `lisa artifacts`: list an environment's artifacts, build them, save images and publish the rest."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.artifacts import archives, images
from lisa_compiler.artifacts.artifact import ArtifactType, BuildContext, ProductSource
from lisa_compiler.artifacts.product import product_artifact, product_sources
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.project.paths import OUTPUT
from lisa_weights.model_directory import LocalState
from lisa_weights.status import BucketState
from lisa_weights.transfer import show_status

if TYPE_CHECKING:
    from lisa_compiler.artifacts.artifact import Artifact
    from lisa_compiler.artifacts.artifact_store import ArtifactStore
    from lisa_compiler.artifacts.images import Builder
    from lisa_weights.workspace import Workspace

WEIGHTS = "weights"
"""Name of weights among the types of artifacts."""


@dataclass(frozen=True, slots=True)
class ArtifactStatus:
    """An artifact in the list.

    Attributes:
        kind: type of the artifact.
        name: its name.
        digest: what it is made from; empty for weights.
        size: bytes; None when it is not known here.
        built: whether it is on this machine.
        in_account: `yes`, `missing`, `unknown` when the account was not asked, or `cdk` when the `cdk` CLI uploads it.
    """

    kind: str
    name: str
    digest: str
    size: int | None
    built: bool
    in_account: str


@dataclass(frozen=True, slots=True)
class Built:
    """An artifact that was built or published.

    Attributes:
        artifact: the artifact.
        path: its file; None for an image.
        image: name of the image in the builder; empty for a file.
        seconds: how long it took.
    """

    artifact: Artifact
    path: Path | None
    image: str
    seconds: float


def list_artifacts(
    project: Path, artifacts: Sequence[Artifact], store: ArtifactStore | None, workspace: Workspace
) -> list[ArtifactStatus]:
    """List the artifacts of an environment and the weights of its models.

    Args:
        project: directory of config.yaml.
        artifacts: those of its compiled output.
        store: the account; None asks neither it nor the models bucket.
        workspace: where its weights are.
    """
    builder = _builder_if_any(artifacts)
    rows = [_status(project, artifact, store, builder) for artifact in artifacts]
    return rows + _weights_statuses(workspace, ask=store is not None)


def select(artifacts: Sequence[Artifact], names: Sequence[str]) -> list[Artifact]:
    """Those of a type (`layer` or `layers`) or a name; all when nothing is named.

    Raises:
        DeployError: there is no artifact of a name.
    """
    known = {WEIGHTS} | {word for artifact in artifacts for word in _words(artifact)}
    if unknown := [name for name in names if name not in known]:
        raise DeployError(f"Unknown artifact {unknown[0]}. `lisa artifacts list` shows all by type and name.")
    return [artifact for artifact in artifacts if not names or _words(artifact) & set(names)]


def build(project: Path, artifacts: Sequence[Artifact], store: ArtifactStore | None) -> Iterator[Built]:
    """Build artifacts that the account lacks; without an account, those that are not built.

    Raises:
        DeployError: one of them cannot be built.
    """
    if store is not None:
        artifacts = [artifact for artifact in artifacts if not artifact.places or store.is_missing(artifact)]
    for artifact in artifacts:
        began = time.perf_counter()
        if artifact.kind is ArtifactType.IMAGE:
            image = images.build_or_load(images.find_builder(), artifact)
            yield Built(artifact, None, image, time.perf_counter() - began)
        else:
            path = archives.build(project, artifact)
            yield Built(artifact, path, "", time.perf_counter() - began)


def save_images(artifacts: Sequence[Artifact], directory: Path) -> Iterator[Built]:
    """Write images as archives, `<name>.tar`, after building those that are not built.

    Raises:
        DeployError: one of them cannot be built or written.
    """
    chosen = [artifact for artifact in artifacts if artifact.kind is ArtifactType.IMAGE]
    builder = images.find_builder() if chosen else None
    for artifact in chosen:
        assert builder is not None  # noqa: S101  # for mypy
        began = time.perf_counter()
        path = directory / f"{artifact.name}.tar"
        image = images.build_or_load(builder, artifact)
        images.save(builder, image, path)
        yield Built(artifact, path, image, time.perf_counter() - began)


def publish(project: Path, artifacts: Sequence[Artifact], store: ArtifactStore) -> Iterator[Built]:
    """Build and upload those artifacts that the account lacks.

    Raises:
        DeployError: one of them cannot be built or uploaded; those before it are there.
    """
    missing = [artifact for artifact in artifacts if artifact.places and store.is_missing(artifact)]
    prepare([artifact for artifact in artifacts if not artifact.places], project)
    for artifact in missing:
        began = time.perf_counter()
        if artifact.kind is ArtifactType.IMAGE:
            builder = images.find_builder()
            image = images.build_or_load(builder, artifact)
            store.push_image(artifact, builder, image)
            yield Built(artifact, None, image, time.perf_counter() - began)
        else:
            path = archives.build(project, artifact)
            store.upload_file(artifact, path)
            yield Built(artifact, path, "", time.perf_counter() - began)


def prepare(artifacts: Iterable[Artifact], project: Path) -> None:
    """Write the files and build contexts that the `cdk` CLI takes from `.lisa/artifacts` (legacy synthesizer).

    Raises:
        DeployError: one of them cannot be written.
    """
    for artifact in artifacts:
        if isinstance(artifact.source, ProductSource):
            archives.build(project, artifact)
        elif isinstance(artifact.source, BuildContext):
            archives.lay_out(artifact.source)


def materialize(project: Path, environment: str, names: Sequence[str], *, image: bool) -> Iterator[str]:
    """Write product code as the manifest names it, and yield where it is; this reads no configuration.

    Args:
        project: directory of config.yaml.
        environment: name of the environment.
        names: such as `functions/session`; every artifact when empty.
        image: build the image of a context, and yield its name instead.

    Raises:
        DeployError: an artifact does not exist, or the sources are not those that were compiled for.
    """
    # The `cdk` CLI reads the path in its own working directory.
    project = project.resolve()
    sources = product_sources(project / OUTPUT / environment, project)
    if unknown := [name for name in names if name not in sources]:
        raise DeployError(f"Unknown artifact {unknown[0]} in {environment}. Use one of {', '.join(sources)}.")
    for name in names or sources:
        artifact = product_artifact(sources[name])
        if isinstance(artifact.source, BuildContext):
            yield (
                images.build_or_load(images.find_builder(), artifact)
                if image
                else str(archives.lay_out(artifact.source))
            )
        else:
            yield str(archives.build(project, artifact))


def _words(artifact: Artifact) -> set[str]:
    return {artifact.kind.value, f"{artifact.kind}s", artifact.name}


def _builder_if_any(artifacts: Iterable[Artifact]) -> Builder | None:
    if not any(artifact.kind is ArtifactType.IMAGE for artifact in artifacts):
        return None
    try:
        return images.find_builder()
    except DeployError:
        return None


def _status(project: Path, artifact: Artifact, store: ArtifactStore | None, builder: Builder | None) -> ArtifactStatus:
    in_account = "unknown"
    if not artifact.places:
        in_account = "cdk"
    elif store is not None:
        in_account = "missing" if store.is_missing(artifact) else "yes"
    path = archives.built_path(project, artifact)
    if artifact.kind is ArtifactType.IMAGE:
        built, size = builder is not None and builder.has(images.local_name(artifact)), None
    else:
        built, size = path.is_file(), path.stat().st_size if path.is_file() else None
    return ArtifactStatus(artifact.kind, artifact.name, artifact.digest, size, built, in_account)


def _weights_statuses(workspace: Workspace, *, ask: bool) -> list[ArtifactStatus]:
    words = {BucketState.UNKNOWN: "unknown", BucketState.MATCHES_LOCK: "yes", BucketState.ABSENT: "missing"}
    return [
        ArtifactStatus(
            WEIGHTS,
            row.model,
            "",
            row.total_bytes or None,
            row.local is LocalState.COMPLETE,
            words.get(row.bucket, row.bucket.value),
        )
        for row in show_status(workspace, ask_bucket=ask)
        if row.needed
    ]
