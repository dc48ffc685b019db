"""sbom.cdx.json: what a bundle brings, as a CycloneDX 1.6 bill of materials (ECMA-424, https://cyclonedx.org)."""

from __future__ import annotations

import json
import re
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.parser import HeaderParser
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from lisa_compiler.bundle.manifest import BundledFile, FileType
from lisa_compiler.bundle.sources import PROJECT
from lisa_compiler.plan.images import BuiltImage, EcrRepositoryImage, RegistryImageReference
from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from lisa_compiler.bundle.sources import Source
    from lisa_compiler.plan import Deployment
    from lisa_weights.lock.lock_file import WeightsLock

PATH: Final = "sbom.cdx.json"
_PIN: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "lisa-gitops/bundle")

Component = dict[str, Any]


def bill_of_materials(
    deployment: Deployment,
    lock: WeightsLock,
    files: Sequence[BundledFile],
    sources: Mapping[str, Source],
    requirements: Iterable[str],
) -> bytes:
    """Write the bill of materials; the same bytes for the same files.

    It lists the wheels and the cdk CLI, the models by their files' digests, the image archives and the images that the
    deployment starts from, and what the gateway's image and the Lambda layers install when they are built.

    Args:
        deployment: the environment's plan.
        lock: what the weights are.
        files: what is in the bundle.
        sources: where each comes from, by path.
        requirements: pinned requirements of product code, as pip reads them.
    """
    components: dict[str, Component] = {}
    for component in (
        *_programs(files, sources),
        *_models(deployment, lock),
        *_archives(files),
        *_images(deployment),
        *_installed(files, sources, requirements),
    ):
        components.setdefault(component["bom-ref"], component)
    listed = [components[reference] for reference in sorted(components)]
    name = f"lisa-bundle-{deployment.environment}"
    subject = {"type": "application", "bom-ref": name, "name": name, "version": VERSION}
    identity = json.dumps([subject, listed, [(file.path, file.sha256) for file in files]], sort_keys=True)
    content = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, identity)}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": "lisa", "version": VERSION}]},
            "component": subject,
        },
        "components": listed,
        "dependencies": [{"ref": name, "dependsOn": sorted(components)}],
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _hashes(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest}]


def _package(ecosystem: str, name: str, version: str) -> Component:
    reference = f"pkg:{ecosystem}/{name}@{version}"
    return {"type": "library", "bom-ref": reference, "name": name, "version": version, "purl": reference}


def _programs(files: Sequence[BundledFile], sources: Mapping[str, Source]) -> Iterator[Component]:
    for file in files:
        name = PurePosixPath(file.path).name
        if file.kind is FileType.WHEEL:
            project, version = name.split("-")[:2]
            component = _package("pypi", re.sub(r"[-_.]+", "-", project).lower(), version)
            yield component | {"hashes": _hashes(file.sha256)} | _licence(sources[file.path])
        elif file.kind is FileType.CDK:
            component = _package("npm", "aws-cdk", name.removeprefix("aws-cdk-").removesuffix(".tgz"))
            licence = {"licenses": [{"license": {"id": "Apache-2.0"}}]}
            yield component | {"type": "application", "hashes": _hashes(file.sha256)} | licence


def _licence(wheel: Source) -> Component:
    """The SPDX expression in a wheel's metadata (PEP 639), when it has one."""
    if wheel.file is None:
        return {}
    with zipfile.ZipFile(wheel.file) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        text = archive.read(names[0]).decode(errors="replace") if names else ""
    expression = HeaderParser().parsestr(text).get("License-Expression")
    return {"licenses": [{"expression": expression}]} if expression else {}


def _models(deployment: Deployment, lock: WeightsLock) -> Iterator[Component]:
    for name in deployment.config.deployed_weights:
        component: Component = {"type": "machine-learning-model", "bom-ref": f"model:{name}", "name": name}
        locked = lock.models.get(name)
        if locked is not None:
            if locked.revision:
                component["version"] = locked.revision
            component["components"] = [
                {
                    "type": "file",
                    "bom-ref": f"model:{name}/{file.path}",
                    "name": file.path,
                    "hashes": _hashes(file.sha256),
                }
                for file in locked.files
            ]
        yield component


def _archives(files: Sequence[BundledFile]) -> Iterator[Component]:
    for file in files:
        if file.kind is FileType.IMAGE:
            name = PurePosixPath(file.path).name
            reference = f"image:{file.path}"
            yield {"type": "container", "bom-ref": reference, "name": name, "hashes": _hashes(file.sha256)}


def _images(deployment: Deployment) -> Iterator[Component]:
    for service in deployment.services:
        image = service.image
        if isinstance(image, BuiltImage):
            name = image.base_image
        elif isinstance(image, EcrRepositoryImage):
            name = f"{image.repository_arn}{image.reference}"
        elif isinstance(image, RegistryImageReference):
            name = image.uri
        else:
            continue
        yield {"type": "container", "bom-ref": f"image:{name}", "name": name}


def _installed(
    files: Sequence[BundledFile], sources: Mapping[str, Source], requirements: Iterable[str]
) -> Iterator[Component]:
    texts = list(requirements)
    for file in files:
        path = PurePosixPath(file.path)
        source = sources[file.path].file
        if path.name == "requirements.txt" and path.is_relative_to(f"{PROJECT}/generated") and source is not None:
            texts.append(source.read_text(encoding="utf-8"))
    for text in texts:
        for name, version in _PIN.findall(text):
            yield _package("pypi", re.sub(r"[-_.]+", "-", name).lower(), version)
