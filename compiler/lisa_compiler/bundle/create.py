"""Make a bundle: gather, describe, leave out what the base has, and write."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa_compiler.bundle import sbom
from lisa_compiler.bundle.archive import DirectoryBase, read_manifest, write_archive
from lisa_compiler.bundle.manifest import MANIFEST, BundledFile, BundleError, BundleManifest, Kind, parse
from lisa_compiler.bundle.sources import Found, Source, find_sources, find_vendored
from lisa_compiler.bundle.supplies import find_cdk, find_wheels, locked_cdk, platform, python_version
from lisa_compiler.product.recipes import product_recipes
from lisa_compiler.product.sources import product_files
from lisa_compiler.resources import jinja_environment
from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lisa_compiler.plan import Deployment
    from lisa_weights.lock.lock_file import WeightsLock
    from lisa_weights.steps import Step

_INSTALLING = ("containers/", "layers/")
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplies:
    """Where parts of a bundle come from that are not the project's.

    Attributes:
        images: directory of image archives; None when there are none.
        wheels: directory of wheels; None fetches them.
        cdk: package of the cdk CLI; None fetches it.
        base: bundle, or unpacked bundle, whose files are left out; None for a whole bundle.
        partial: whether what is missing on this machine may be left out.
    """

    images: Path | None = None
    wheels: Path | None = None
    cdk: Path | None = None
    base: Path | None = None
    partial: bool = False


def create(
    target: Path,
    project: Path,
    *,
    output: Path,
    deployment: Deployment,
    lock: WeightsLock,
    supplies: Supplies,
    step: Step,
) -> BundleManifest:
    """Make the bundle of one environment.

    Args:
        target: the file to write.
        project: folder of config.yaml.
        output: directory of all environments' output.
        deployment: the environment's plan.
        lock: what the weights are.
        supplies: where the rest comes from.
        step: is told how far the work is.

    Raises:
        BundleError: something is missing, cannot be fetched, or changes meanwhile.
    """
    found = find_sources(project, output, deployment, lock, supplies.images)
    if found.missing and not supplies.partial:
        listed = "".join(f"\n  {name}: {fix}" for name, fix in sorted(found.missing.items()))
        raise BundleError(f"These files are missing; add them, or pass --partial to omit them:{listed}")
    with tempfile.TemporaryDirectory(prefix="lisa-") as folder:
        scratch = Path(folder)
        with step("gathering wheels and the cdk CLI", 0):
            programs = find_wheels(project, supplies.wheels, scratch) | find_cdk(supplies.cdk, scratch)
        sources = {**found.sources, **find_vendored(project, deployment.environment, scratch), **programs}
        requirements = product_requirements(deployment, project)
        manifest, sources = _described(deployment, lock, found, sources, requirements)
        if supplies.base is not None:
            manifest = _difference(manifest, supplies.base)
        with step(f"writing {target.name}", sum(file.size for file in manifest.stored)) as done:
            write_archive(target, manifest, sources, partial(done, target.name))
    return manifest


def product_requirements(deployment: Deployment, project: Path) -> list[str]:
    """The pinned requirements of product code: of images and of layers."""
    recipes = product_recipes(deployment).items()
    files = [product_files(name, recipe, project) for name, recipe in recipes if name.startswith(_INSTALLING)]
    return [
        content.decode()
        for each in files
        for path, content in each.items()
        if path.rpartition("/")[2] == "requirements.txt"
    ]


def _described(
    deployment: Deployment,
    lock: WeightsLock,
    found: Found,
    sources: dict[str, Source],
    requirements: Iterable[str],
) -> tuple[BundleManifest, dict[str, Source]]:
    files = [source.described(path) for path, source in sorted(sources.items())]
    made = {
        sbom.PATH: Source(
            kind=Kind.GUIDE, content=sbom.bill_of_materials(deployment, lock, files, sources, requirements)
        ),
        "README.md": Source(kind=Kind.GUIDE, content=_rendered("README.md", deployment, found)),
        "install.sh": Source(kind=Kind.GUIDE, content=_rendered("install.sh", deployment, found), executable=True),
    }
    files += [source.described(path) for path, source in made.items()]
    sums = "".join(f"{file.sha256}  {file.path}\n" for file in sorted(files)).encode()
    made[SUMS] = Source(kind=Kind.GUIDE, content=sums)
    files.append(made[SUMS].described(SUMS))
    manifest = BundleManifest(
        lisa_version=VERSION,
        environment=deployment.environment,
        python=python_version(),
        platform=platform(),
        base=None,
        missing=tuple(sorted(found.missing)),
        files=tuple(sorted(files)),
    )
    return manifest, {**sources, **made}


def _rendered(name: str, deployment: Deployment, found: Found) -> bytes:
    values: dict[str, Any] = {
        "cdk_version": locked_cdk()[0],
        "environment": deployment.environment,
        "missing": sorted(found.missing),
        "platform": platform(),
        "python": python_version(),
        "version": VERSION,
    }
    return jinja_environment().get_template(f"bundle/{name}.j2").render(values).encode()


def _difference(manifest: BundleManifest, base: Path) -> BundleManifest:
    """Leave out what the base has, under whatever name; a difference can be the base of another one."""
    known = _base_manifest(base)
    if known.environment != manifest.environment:
        raise BundleError(f"{base} is a bundle of {known.environment}, not of {manifest.environment}.")
    digests = {file.sha256 for file in known.files}
    files = tuple(_left_out(file) if file.sha256 in digests else file for file in manifest.files)
    return replace(manifest, base=known.digest, files=files)


def _base_manifest(base: Path) -> BundleManifest:
    if base.is_dir():
        return DirectoryBase(base).manifest
    if base.name == MANIFEST:
        return parse(base.read_bytes(), str(base))
    return read_manifest(base)


def _left_out(file: BundledFile) -> BundledFile:
    return replace(file, stored=False)
