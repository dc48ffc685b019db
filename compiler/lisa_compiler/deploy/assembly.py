"""The compiled cloud assembly, read back: which stacks there are, and which artifacts they need.

Its form is that of the AWS CDK's cloud assembly schema: manifest.json, and beside it, for each stack, a template and an
asset manifest. Stacks with the legacy synthesizer have no asset manifests; the `cdk` CLI puts their assets where it
wants, so that these artifacts have no place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from lisa_compiler.deploy.errors import DeployError

FOLDER = "cloudformation"
"""Where the assembly is in an environment's output."""

_STACK, _ASSETS = "aws:cloudformation:stack", "cdk:asset-manifest"
_BUILT_LAYERS = ".lisa/layers/"


class Kind(StrEnum):
    """What an artifact is."""

    IMAGE = "image"
    LAYER = "layer"
    CODE = "code"
    WEB = "web"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is zipped; `path` is absolute."""

    path: Path


@dataclass(frozen=True, slots=True)
class Prebuilt:
    """A file that is taken as it is: a layer's zip file, or an image's tarball; `path` is absolute."""

    path: Path


@dataclass(frozen=True, slots=True)
class LayerSource:
    """A layer that is built from pinned requirements.

    Attributes:
        folder: `layers/<name>` of the environment's output; the builder is beside it.
        target: where the assembly wants the zip file; None when it may be anywhere.
    """

    folder: Path
    target: Path | None


@dataclass(frozen=True, slots=True)
class Context:
    """A container image that is built.

    Attributes:
        folder: the build context.
        arguments: (name, value) of the build.
        platform: as Docker writes it, such as `linux/amd64`.
    """

    folder: Path
    arguments: tuple[tuple[str, str], ...]
    platform: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an artifact goes in the account.

    Attributes:
        container: bucket, or repository of an image.
        key: key of the object, or tag of the image.
        role: ARN of the role that puts it there; None for the caller's own rights.
    """

    container: str
    key: str
    role: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Something that stacks need, named by the digest of what it is made from.

    Attributes:
        kind: what it is.
        name: the layer's or the image's; `functions` for the code and `application` for the web.
        digest: SHA-256 in hexadecimal.
        source: what it is made from.
        places: where it goes; empty when the `cdk` CLI decides.
        components: the stacks that need it.
    """

    kind: Kind
    name: str
    digest: str
    source: Folder | Prebuilt | LayerSource | Context
    places: tuple[Place, ...]
    components: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """What a person calls it: `layer common`."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack of the assembly.

    Attributes:
        component: its id in the assembly, which is that of the plan.
        name: CloudFormation's name.
        template: path of the template.
        tags: tags of the stack.
        depends_on: components that are deployed before it.
        reader: ARN of the role that looks things up; None for the caller's own rights.
        deployer: ARN of the role that deploys; None likewise.
    """

    component: str
    name: str
    template: Path
    tags: Mapping[str, str]
    depends_on: tuple[str, ...]
    reader: str | None
    deployer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What is compiled for one environment.

    Attributes:
        directory: folder of the assembly.
        stacks: in the order in which they can be deployed.
        artifacts: each once, layers first, since they need no more than pip, images last.
    """

    directory: Path
    stacks: tuple[Stack, ...]
    artifacts: tuple[Artifact, ...]

    def with_dependencies(self, component: str) -> tuple[Stack, ...]:
        """A stack and all that it needs, in the order of deployment."""
        found = {component}
        for stack in reversed(self.stacks):
            if stack.component in found:
                found |= set(stack.depends_on)
        return tuple(stack for stack in self.stacks if stack.component in found)

    def with_dependents(self, component: str) -> tuple[Stack, ...]:
        """A stack and all that need it, in the order of deployment."""
        found = {component}
        for stack in self.stacks:
            if found.intersection(stack.depends_on):
                found.add(stack.component)
        return tuple(stack for stack in self.stacks if stack.component in found)

    def artifacts_of(self, stacks: Iterable[Stack]) -> tuple[Artifact, ...]:
        """The artifacts that some stacks need."""
        components = {stack.component for stack in stacks}
        return tuple(artifact for artifact in self.artifacts if artifact.components & components)

    def find(self, name: str) -> Stack:
        """The stack of a component or a CloudFormation name.

        Raises:
            DeployError: there is none.
        """
        for stack in self.stacks:
            if name in {stack.component, stack.name}:
                return stack
        known = ", ".join(stack.component for stack in self.stacks)
        raise DeployError(f"There is no stack {name}: choose one of {known}.")


def read(output: Path, environment: str, partition: str, order: Sequence[str]) -> Assembly:
    """Read the assembly of an environment.

    Args:
        output: directory of all environments' output, as `generated`.
        environment: name of the environment.
        partition: id of the partition, such as `aws`, which roles' ARNs leave open.
        order: components as the plan has them, for an order that people know.

    Raises:
        DeployError: there is no assembly, or it is not one that this version writes.
    """
    directory = output / environment / FOLDER
    try:
        manifest = json.loads((directory / "manifest.json").read_bytes())
        entries: Mapping[str, Any] = manifest["artifacts"]
        reader = _Reader(directory.resolve(), partition)
        stacks = {name: reader.stack(name, entry) for name, entry in entries.items() if entry["type"] == _STACK}
        artifacts: dict[str, Artifact] = {}
        for artifact in reader.artifacts(entries):
            known = artifacts.get(artifact.digest, artifact)
            artifacts[artifact.digest] = replace(known, components=known.components | artifact.components)
    except FileNotFoundError as error:
        raise DeployError(
            f"{directory} has no stacks: run `lisa compile --env {environment}` first and commit what it writes."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeployError(
            f"{directory} is not an assembly of this version ({error}): run `lisa compile --env {environment}`."
        ) from error
    by_kind = [Kind.LAYER, Kind.CODE, Kind.WEB, Kind.IMAGE]
    return Assembly(
        directory=directory,
        stacks=_in_order(stacks, order),
        artifacts=tuple(sorted(artifacts.values(), key=lambda artifact: by_kind.index(artifact.kind))),
    )


def _in_order(stacks: Mapping[str, Stack], order: Sequence[str]) -> tuple[Stack, ...]:
    ordered: dict[str, Stack] = {}

    def add(component: str) -> None:
        for dependency in stacks[component].depends_on:
            add(dependency)
        ordered.setdefault(component, stacks[component])

    for component in (*order, *stacks):
        if component in stacks:
            add(component)
    return tuple(ordered.values())


@dataclass(frozen=True, slots=True)
class _Reader:
    directory: Path
    partition: str

    def stack(self, component: str, entry: Mapping[str, Any]) -> Stack:
        properties = entry["properties"]
        return Stack(
            component=component,
            name=properties["stackName"],
            template=self.directory / properties["templateFile"],
            tags=properties.get("tags", {}),
            depends_on=tuple(name for name in entry.get("dependencies", ()) if not name.endswith(".assets")),
            reader=self._arn(properties.get("lookupRole", {}).get("arn")),
            deployer=self._arn(properties.get("assumeRoleArn")),
        )

    def artifacts(self, entries: Mapping[str, Any]) -> Iterator[Artifact]:
        for name, entry in entries.items():
            component = frozenset({name.removesuffix(".assets")})
            for artifact in self._artifacts_of(entry):
                yield replace(artifact, components=component)

    def _artifacts_of(self, entry: Mapping[str, Any]) -> Iterator[Artifact]:
        if entry["type"] == _ASSETS:
            assets = json.loads((self.directory / entry["properties"]["file"]).read_bytes())
            for digest, asset in assets["files"].items():
                if not str(asset["source"].get("path", "")).endswith(".template.json"):
                    yield self._file(digest, asset)
            for digest, asset in assets["dockerImages"].items():
                yield self._image(digest, asset)
        for notes in entry.get("metadata", {}).values():
            yield from (self._legacy(note["data"]) for note in notes)

    def _file(self, digest: str, asset: Mapping[str, Any]) -> Artifact:
        source = asset["source"]
        places = tuple(
            Place(place["bucketName"], place["objectKey"], self._arn(place.get("assumeRoleArn")))
            for place in asset["destinations"].values()
        )
        if "executable" in source:
            _, _, layer = source["executable"]
            folder = self.directory.parent / "layers" / layer
            return Artifact(kind=Kind.LAYER, name=layer, digest=digest, source=LayerSource(folder, None), places=places)
        return self._archive(digest, source["path"], str(asset.get("displayName", "")), places)

    def _archive(self, digest: str, path: str, display_name: str, places: tuple[Place, ...]) -> Artifact:
        whole = self._path(path)
        if path.endswith("/trust"):
            return Artifact(kind=Kind.LAYER, name="trust", digest=digest, source=Folder(whole), places=places)
        if not path.endswith(".zip"):
            kind, name = (Kind.CODE, "functions") if path.endswith("/lambdas") else (Kind.WEB, "application")
            return Artifact(kind=kind, name=name, digest=digest, source=Folder(whole), places=places)
        name = display_name.removeprefix("layer ") or whole.stem
        source: Prebuilt | LayerSource = Prebuilt(whole)
        if _BUILT_LAYERS in path:
            source = LayerSource(self.directory.parent / "layers" / name, whole)
        return Artifact(kind=Kind.LAYER, name=name, digest=digest, source=source, places=places)

    def _image(self, digest: str, asset: Mapping[str, Any]) -> Artifact:
        source, name = asset["source"], asset["displayName"]
        places = tuple(
            Place(place["repositoryName"], place["imageTag"], self._arn(place.get("assumeRoleArn")))
            for place in asset["destinations"].values()
        )
        found: Context | Prebuilt
        if "directory" in source:
            found = self._context(source["directory"], source.get("dockerBuildArgs"), source["platform"])
        else:
            found = Prebuilt(self._path(f"../../../{name}"))
        return Artifact(kind=Kind.IMAGE, name=Path(name).stem, digest=digest, source=found, places=places)

    def _legacy(self, data: Mapping[str, Any]) -> Artifact:
        if data["packaging"] != "container-image":
            return self._archive(data["id"], data["path"], "", ())
        source = self._context(data["path"], data.get("buildArgs"), data["platform"])
        return Artifact(kind=Kind.IMAGE, name=source.folder.name, digest=data["id"], source=source, places=())

    def _context(self, path: str, arguments: Mapping[str, str] | None, platform: str) -> Context:
        return Context(self._path(path), tuple(sorted((arguments or {}).items())), platform)

    def _path(self, relative: str) -> Path:
        return Path(os.path.normpath(self.directory / relative))

    def _arn(self, text: str | None) -> str | None:
        return text.replace("${AWS::Partition}", self.partition) if text else None
