"""What goes into a bundle, and where it is on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lisa_compiler.artifacts.vendor import vendor
from lisa_compiler.bundle.manifest import BundledFile, BundleError, FileType
from lisa_compiler.compile.inputs import input_paths
from lisa_compiler.output.tree import files_below, output_files
from lisa_compiler.plan.images import BuiltImage
from lisa_compiler.project.paths import CONFIG_FILE, MODELS, OVERLAY_FOLDER, PRICES, ami_lock
from lisa_weights.lock.lock_file import LOCK_FILE

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment
    from lisa_weights.lock.lock_file import WeightsLock

PROJECT: Final = "project"
IMAGES: Final = "images"
VENDORED: Final = "vendored"
"""Directory of the project in a bundle that has the assembly with product code."""
_CARRIED: Final = (
    CONFIG_FILE,
    LOCK_FILE,
    PRICES,
    "policy/waivers.yaml",
    "package.json",
    "package-lock.json",
    "requirements.txt",
    "requirements-lisa.txt",
)
_NOISE: Final = frozenset({"__pycache__", ".git", ".DS_Store", ".venv", "node_modules"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file that goes into a bundle.

    Attributes:
        kind: what it is.
        content: its bytes when they were made for the bundle.
        file: where it is otherwise.
        known: its digest when a lock says it, so that it is read once; what is read is compared with it.
        executable: whether what was made is a program.
    """

    kind: FileType
    content: bytes = b""
    file: Path | None = None
    known: str | None = None
    executable: bool = False

    def described(self, path: str) -> BundledFile:
        """Describe it for bundle.json.

        Raises:
            BundleError: the file cannot be read.
        """
        if self.file is None:
            digest = hashlib.sha256(self.content).hexdigest()
            return BundledFile(path, len(self.content), digest, self.kind, executable=self.executable, stored=True)
        try:
            status = self.file.stat()
            digest = self.known or file_digest(self.file)
        except OSError as error:
            raise BundleError(f"{self.file} cannot be read: {error.strerror}.") from error
        executable = bool(status.st_mode & 0o100)
        return BundledFile(path, status.st_size, digest, self.kind, executable=executable, stored=True)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        sources: by path in the bundle.
        missing: what belongs there and is not on this machine, with what to do about it.
    """

    sources: Mapping[str, Source]
    missing: Mapping[str, str]


def file_digest(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_vendored(project: Path, environment: str, scratch: Path) -> dict[str, Source]:
    """Write the assembly for sites that deploy without LISA, with the product code, and find its files.

    Args:
        project: directory of config.yaml.
        environment: name of the environment.
        scratch: where to write it.

    Raises:
        DeployError: product code is not that which was compiled.
    """
    folder = scratch / VENDORED / environment
    vendor(project, environment, folder, complete=False)
    return {
        f"{PROJECT}/{VENDORED}/{environment}/{path}": Source(kind=FileType.PROJECT, file=file)
        for path, file in files_below(folder)
    }


def find_sources(project: Path, output: Path, deployment: Deployment, lock: WeightsLock, images: Path | None) -> Found:
    """Find the project's files, its output, weights and image archives for one environment.

    Args:
        project: folder of config.yaml.
        output: directory of all environments' output.
        deployment: the environment's plan.
        lock: what the weights are.
        images: directory of image archives, `<service>.tar` as `docker save` writes them, and any others.
    """
    environment = deployment.environment
    sources: dict[str, Source] = {}
    missing: dict[str, str] = {}
    wheels = [path.relative_to(project).as_posix() for path in sorted(project.glob("vendor/*.whl"))]
    for path in (*_CARRIED, *wheels, ami_lock(environment), f"{OVERLAY_FOLDER}/{environment}.yaml"):
        if (project / path).is_file():
            sources[f"{PROJECT}/{path}"] = Source(kind=FileType.PROJECT, file=project / path)
    compiled = dict(output_files(output / environment))
    if not compiled:
        raise BundleError(f"{output / environment} is empty: run `lisa compile --env {environment}` first.")
    for path, file in compiled.items():
        sources[f"{PROJECT}/generated/{environment}/{path}"] = Source(kind=FileType.PROJECT, file=file)
    for path in input_paths(deployment.config):
        sources |= dict(_named(project, path, missing))
    sources |= dict(_weights(project, deployment, lock, missing))
    sources |= dict(_images(deployment, images, missing))
    return Found(dict(sorted(sources.items())), missing)


def _named(project: Path, path: str, missing: dict[str, str]) -> Iterator[tuple[str, Source]]:
    """A file or folder that the configuration names; its checksum stands for it when compiling, not when deploying."""
    found = project / path
    if found.is_dir():
        for below, file in files_below(found, _NOISE):
            yield f"{PROJECT}/{path}/{below}", Source(kind=FileType.PROJECT, file=file)
    elif found.is_file():
        kind = FileType.IMAGE if path.endswith(".tar") else FileType.PROJECT
        yield f"{PROJECT}/{path}", Source(kind=kind, file=found)
    elif (project / f"{path}.sha256").is_file():
        missing[path] = "add the file to the project, next to its checksum"


def _weights(
    project: Path, deployment: Deployment, lock: WeightsLock, missing: dict[str, str]
) -> Iterator[tuple[str, Source]]:
    for name in deployment.config.deployed_weights:
        locked = lock.models.get(name)
        if locked is None:
            missing[f"weights of {name}"] = f"run `lisa weights stage --env {deployment.environment}`"
            continue
        for file in locked.files:
            path = project / MODELS / name / file.path
            if not path.is_file() or path.stat().st_size != file.size:
                fix = f"run `lisa weights download --env {deployment.environment} {name}`"
                missing[f"weights of {name}"] = fix
                break
            yield f"{PROJECT}/{MODELS}/{name}/{file.path}", Source(kind=FileType.WEIGHTS, file=path, known=file.sha256)


def _images(deployment: Deployment, images: Path | None, missing: dict[str, str]) -> Iterator[tuple[str, Source]]:
    archives = {path.name: path for path in sorted(images.glob("*.tar"))} if images else {}
    for name, path in archives.items():
        yield f"{IMAGES}/{name}", Source(kind=FileType.IMAGE, file=path)
    for service in deployment.services:
        image = service.image
        if isinstance(image, BuiltImage) and f"{image.name}.tar" not in archives:
            missing[f"image {image.name}"] = "run `lisa artifacts save --output images`, and pass `--images images`"
