"""The use case of `lisa bundle`: find the files, describe them, omit those of the base, and write the bundle."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa_compiler.bundle import sbom
from lisa_compiler.bundle.archive import DirectoryBase, read_manifest
from lisa_compiler.bundle.archive_writer import write_archive
from lisa_compiler.bundle.dependencies import find_cdk, find_wheels, locked_cdk, platform, python_version
from lisa_compiler.bundle.manifest import MANIFEST, BundledFile, BundleError, BundleManifest, FileType, parse
from lisa_compiler.bundle.sources import Found, Source, find_sources, find_vendored
from lisa_compiler.product.recipes import product_recipes
from lisa_compiler.product.sources import product_files
from lisa_compiler.resources import jinja_environment
from lisa_schema.version import VERSION
from lisa_weights.lock import lock_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lisa_compiler.deploy.deployment_context import DeploymentContext
    from lisa_compiler.plan import Deployment
    from lisa_weights.lock.lock_file import WeightsLock
    from lisa_weights.steps import Step

_INSTALLING = ("containers/", "layers/")
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleInputs:
    """Parts of a bundle that are not the project's.

    Attributes:
        images: directory of image archives; None when there are none.
        wheels: directory of wheels; None downloads them.
        cdk: package of the cdk CLI; None downloads it.
        base: base bundle, or directory of an unpacked one; None for a complete bundle.
        allow_missing: whether files that are missing on this machine are omitted.
    """

    images: Path | None = None
    wheels: Path | None = None
    cdk: Path | None = None
    base: Path | None = None
    allow_missing: bool = False


def create(target: Path, context: DeploymentContext, inputs: BundleInputs, step: Step) -> BundleManifest:
    """Create the bundle of one environment, whose compiled output must be up to date.

    Args:
        target: the file to write.
        context: the environment.
        inputs: where the other parts are.
        step: receives the progress.

    Raises:
        DeployError: the compiled output is out of date.
        BundleError: a file is missing, cannot be downloaded, or changes meanwhile.
    """
    context.require_up_to_date()
    project, deployment = context.project.root, context.deployment
    lock = lock_file.load(context.project.weights_lock)
    found = find_sources(project, context.project.output, deployment, lock, inputs.images)
    if found.missing and not inputs.allow_missing:
        listed = "".join(f"\n  {name}: {fix}" for name, fix in sorted(found.missing.items()))
        raise BundleError(f"Files are missing on this machine. Add them, or pass --allow-missing to omit them:{listed}")
    with tempfile.TemporaryDirectory(prefix="lisa-") as folder:
        scratch = Path(folder)
        with step("gathering wheels and the cdk CLI", 0):
            programs = find_wheels(project, inputs.wheels, scratch) | find_cdk(inputs.cdk, scratch)
        sources = {**found.sources, **find_vendored(project, deployment.environment, scratch), **programs}
        requirements = product_requirements(deployment, project)
        manifest, sources = _described(deployment, lock, found, sources, requirements)
        if inputs.base is not None:
            manifest = _without_base(manifest, inputs.base)
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
            kind=FileType.GUIDE, content=sbom.bill_of_materials(deployment, lock, files, sources, requirements)
        ),
        "README.md": Source(kind=FileType.GUIDE, content=_rendered("README.md", deployment, found)),
        "install.sh": Source(kind=FileType.GUIDE, content=_rendered("install.sh", deployment, found), executable=True),
    }
    files += [source.described(path) for path, source in made.items()]
    sums = "".join(f"{file.sha256}  {file.path}\n" for file in sorted(files)).encode()
    made[SUMS] = Source(kind=FileType.GUIDE, content=sums)
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


def _without_base(manifest: BundleManifest, base: Path) -> BundleManifest:
    """Omit what the base has, under whatever name; an incremental bundle can be the base of another one."""
    known = _base_manifest(base)
    if known.environment != manifest.environment:
        raise BundleError(f"{base} is a bundle of {known.environment}, not of {manifest.environment}.")
    digests = {file.sha256 for file in known.files}
    files = tuple(_omitted(file) if file.sha256 in digests else file for file in manifest.files)
    return replace(manifest, base=known.digest, files=files)


def _base_manifest(base: Path) -> BundleManifest:
    if base.is_dir():
        return DirectoryBase(base).manifest
    if base.name == MANIFEST:
        return parse(base.read_bytes(), str(base))
    return read_manifest(base)


def _omitted(file: BundledFile) -> BundledFile:
    return replace(file, stored=False)
