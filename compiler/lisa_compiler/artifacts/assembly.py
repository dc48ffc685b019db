"""The compiled cloud assembly, read back: which stacks there are, and which artifacts they need.

Its form is that of the AWS CDK's cloud assembly schema: manifest.json, and beside it, for each stack, a template and an
asset manifest. Stacks with the legacy synthesizer have no asset manifests; the `cdk` CLI puts their assets where it
wants, so that these artifacts have no place.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lisa_compiler.artifacts.artifact import (
    Artifact,
    ArtifactType,
    BuildContext,
    Destination,
    DirectorySource,
    PrebuiltFile,
    ProductSource,
)
from lisa_compiler.artifacts.product import product_artifact, product_sources
from lisa_compiler.aws.errors import DeployError

FOLDER = "cloudformation"
"""Where the assembly is in an environment's output."""

_STACK, _ASSETS = "aws:cloudformation:stack", "cdk:asset-manifest"
_DIGEST = re.compile(r"[0-9a-f]{64}")


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
        executor: ARN of the role with which CloudFormation changes resources; None likewise.
    """

    component: str
    name: str
    template: Path
    tags: Mapping[str, str]
    depends_on: tuple[str, ...]
    reader: str | None
    deployer: str | None
    executor: str | None = None


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
        raise DeployError(f"Unknown stack {name}: use one of {known}.")


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
        reader = _Reader(
            directory.resolve(), partition, product_sources(directory.parent.resolve(), output.parent.resolve())
        )
        stacks = {name: reader.stack(name, entry) for name, entry in entries.items() if entry["type"] == _STACK}
        artifacts: dict[str, Artifact] = {}
        for artifact in reader.artifacts(entries):
            known = artifacts.get(artifact.digest, artifact)
            artifacts[artifact.digest] = replace(known, components=known.components | artifact.components)
        ordered = _in_order(stacks, order)
    except FileNotFoundError as error:
        raise DeployError(
            f"{directory} has no stacks: run `lisa compile --env {environment}` and commit the output."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise DeployError(
            f"{directory} is not a cloud assembly of this version ({error}): run `lisa compile --env {environment}`."
        ) from error
    by_kind = [
        *(ArtifactType.LAYER, ArtifactType.CODE, ArtifactType.WEB, ArtifactType.CONFIGURATION),
        ArtifactType.IMAGE,
    ]
    return Assembly(
        directory=directory,
        stacks=ordered,
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
    products: Mapping[str, ProductSource]

    def stack(self, component: str, entry: Mapping[str, Any]) -> Stack:
        properties = entry["properties"]
        template = json.loads((self.directory / properties["templateFile"]).read_bytes())
        if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
            raise TypeError(properties["templateFile"])
        return Stack(
            component=component,
            name=properties["stackName"],
            template=self.directory / properties["templateFile"],
            tags=properties.get("tags", {}),
            depends_on=tuple(name for name in entry.get("dependencies", ()) if not name.endswith(".assets")),
            reader=self._arn(properties.get("lookupRole", {}).get("arn")),
            deployer=self._arn(properties.get("assumeRoleArn")),
            executor=self._arn(properties.get("cloudFormationExecutionRoleArn")),
        )

    def artifacts(self, entries: Mapping[str, Any]) -> Iterator[Artifact]:
        for name, entry in entries.items():
            component = frozenset({name.removesuffix(".assets")})
            for artifact in self._artifacts_of(entry):
                yield replace(artifact, components=component)

    def _artifacts_of(self, entry: Mapping[str, Any]) -> Iterator[Artifact]:
        if entry["type"] == _ASSETS:
            assets = json.loads((self.directory / entry["properties"]["file"]).read_bytes())
            for asset in assets["files"].values():
                if not str(asset["source"].get("path", "")).endswith(".template.json"):
                    yield self._file(asset)
            for asset in assets["dockerImages"].values():
                yield self._image(asset)
        for notes in entry.get("metadata", {}).values():
            yield from (self._legacy(note["data"]) for note in notes)

    def _file(self, asset: Mapping[str, Any]) -> Artifact:
        source = asset["source"]
        places = tuple(
            Destination(place["bucketName"], place["objectKey"], self._arn(place.get("assumeRoleArn")))
            for place in asset["destinations"].values()
        )
        if "executable" in source:
            return self._product(_product_name(source["executable"]), places)
        digest = _digest(place.key for place in places)
        return self._archive(digest, source["path"], str(asset.get("displayName", "")), places)

    def _product(self, name: str, places: tuple[Destination, ...]) -> Artifact:
        return replace(product_artifact(self.products[name]), places=places)

    def _archive(self, digest: str, path: str, display_name: str, places: tuple[Destination, ...]) -> Artifact:
        whole = self._path(path)
        if path.endswith(("/trust", "/database-trust")):
            return Artifact(
                kind=ArtifactType.LAYER, name=whole.name, digest=digest, source=DirectorySource(whole), places=places
            )
        for name, source in self.products.items():
            if whole == source.target:
                return self._product(name, places)
        if whole.is_relative_to(self.directory.parent):
            return Artifact(
                kind=ArtifactType.CONFIGURATION,
                name=whole.relative_to(self.directory.parent).as_posix(),
                digest=digest,
                source=PrebuiltFile(whole),
                places=places,
            )
        name = display_name.removeprefix("layer ") or whole.stem
        return Artifact(kind=ArtifactType.LAYER, name=name, digest=digest, source=PrebuiltFile(whole), places=places)

    def _image(self, asset: Mapping[str, Any]) -> Artifact:
        source, name = asset["source"], asset["displayName"]
        places = tuple(
            Destination(place["repositoryName"], place["imageTag"], self._arn(place.get("assumeRoleArn")))
            for place in asset["destinations"].values()
        )
        found: BuildContext | PrebuiltFile
        if name in self.products:
            return self._product(name, places)
        if "directory" in source:
            found = self._context(source["directory"], source.get("dockerBuildArgs"), source["platform"])
        else:
            found = PrebuiltFile(self._path(f"../../../{name}"))
        digest = _digest(place.key for place in places)
        return Artifact(kind=ArtifactType.IMAGE, name=Path(name).stem, digest=digest, source=found, places=places)

    def _legacy(self, data: Mapping[str, Any]) -> Artifact:
        digest = _digest([data["id"]])
        if data["packaging"] != "container-image":
            return self._archive(digest, data["path"], "", ())
        source = self._context(data["path"], data.get("buildArgs"), data["platform"])
        for name, product in self.products.items():
            if source.folder == product.target:
                return self._product(name, ())
        return Artifact(kind=ArtifactType.IMAGE, name=source.folder.name, digest=digest, source=source, places=())

    def _context(self, path: str, arguments: Mapping[str, str] | None, platform: str) -> BuildContext:
        return BuildContext(self._path(path), tuple(sorted((arguments or {}).items())), platform)

    def _path(self, relative: str) -> Path:
        return Path(os.path.normpath(self.directory / relative))

    def _arn(self, text: str | None) -> str | None:
        return text.replace("${AWS::Partition}", self.partition) if text else None


def _product_name(command: Sequence[str]) -> str:
    """The artifact that the command line of an executable asset materializes."""
    _, _, action, name, *_ = command
    if action != "materialize":
        raise ValueError(command)
    return str(name)


def _digest(keys: Iterable[str]) -> str:
    """The digest in the keys of an artifact's places, which is what it is named by."""
    found = {match.group() for key in keys for match in _DIGEST.finditer(key)}
    if len(found) != 1:
        raise ValueError(sorted(found))
    return found.pop()
