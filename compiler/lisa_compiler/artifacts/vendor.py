"""Vendored deployments: an environment's output with everything that it names, for pipelines that have no LISA.

The cloud assembly is the compiled one but for the sources of its assets: zip files in place of commands that build
them, and complete build contexts. The keys of all artifacts, and so the templates, stay as they were reviewed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lisa_compiler.artifacts import archives
from lisa_compiler.artifacts.artifact import Artifact, ArtifactType, BuildContext, PrebuiltFile
from lisa_compiler.artifacts.product import product_artifact, product_sources
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.output.atomic_directory import create_directory_atomically
from lisa_compiler.output.tree import files_below, output_files
from lisa_compiler.product.artifact import MATERIALIZED, LayerRecipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.artifacts.artifact import ProductSource

SUMS = "SHA256SUMS"
"""Digests of all vendored files, as `sha256sum --check` reads them."""

_ASSEMBLY = "cloudformation"
_ARTIFACTS = "artifacts"
_PROJECT = "../../../"
"""From a cloud assembly to the project."""


def vendor(project: Path, environment: str, target: Path, *, complete: bool = True) -> None:
    """Write an environment's output and what it names into a new directory.

    Args:
        project: directory of config.yaml.
        environment: name of the environment; its output must be up to date.
        target: the directory; it does not exist, or is empty.
        complete: whether layers are built, and prebuilt files copied. Without it the directory must be two levels
            below the project, where it finds prebuilt files, and layers that pip builds are still built by LISA.

    Raises:
        DeployError: the output was edited, an artifact cannot be built, or a prebuilt file is not the one that was
            compiled for.
        LisaError: the directory holds something, or cannot be written.
    """
    output = project / "generated" / environment
    sources = product_sources(output.resolve(), project.resolve())
    with create_directory_atomically(target) as folder:
        for name, path in output_files(output):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            place.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        vendored = _Vendored(project, folder, sources, complete=complete)
        try:
            for path in sorted((folder / _ASSEMBLY).glob("*.assets.json")):
                vendored.rewrite_assets(path)
            if (folder / _ASSEMBLY / "manifest.json").is_file():
                vendored.rewrite_manifest(folder / _ASSEMBLY / "manifest.json")
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, StopIteration) as error:
            raise DeployError(
                f"{output} is not what `lisa compile` writes ({error!r}): run `lisa compile --env {environment}`."
            ) from error
        sums = "".join(f"{_sha256(path)}  {name}\n" for name, path in files_below(folder))
        archives.write_files(folder, {SUMS: sums.encode()})


@dataclass(frozen=True, slots=True)
class _Vendored:
    project: Path
    folder: Path
    sources: Mapping[str, ProductSource]
    complete: bool

    def rewrite_assets(self, path: Path) -> None:
        """Replace the sources in an asset manifest."""
        manifest = json.loads(path.read_bytes())
        for asset in manifest["files"].values():
            asset["source"] = self._file(asset["source"], asset["destinations"])
        for asset in manifest["dockerImages"].values():
            asset["source"] = self._image(asset["displayName"], asset["source"], asset["destinations"])
        path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def rewrite_manifest(self, path: Path) -> None:
        """Replace the paths of assets in the assembly's manifest, where the legacy synthesizer has them."""
        manifest = json.loads(path.read_bytes())
        assets = [
            note["data"]
            for entry in manifest["artifacts"].values()
            for notes in entry.get("metadata", {}).values()
            for note in notes
        ]
        for data in assets:
            product = next(
                (
                    each
                    for each in self.sources.values()
                    if data["path"] == f"{_PROJECT}{MATERIALIZED}/{each.product.file_name}"
                ),
                None,
            )
            if product is not None:
                data["path"] = self._product(product) or data["path"]
            elif data["path"].startswith(_PROJECT):
                data["path"] = self._prebuilt(data["path"].removeprefix(_PROJECT), str(data["id"]))
        if assets:
            path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def _file(self, source: Mapping[str, Any], places: Mapping[str, Any]) -> Mapping[str, Any]:
        if "executable" in source:
            path = self._product(self.sources[source["executable"][3]])
            return {"path": path, "packaging": "file"} if path else source
        if not source["path"].startswith(_PROJECT):
            return source
        key = next(iter(places.values()))["objectKey"]
        return {**source, "path": self._prebuilt(source["path"].removeprefix(_PROJECT), key)}

    def _image(self, name: str, source: Mapping[str, Any], places: Mapping[str, Any]) -> Mapping[str, Any]:
        if product := self.sources.get(name):
            context = product_artifact(product).source
            if not isinstance(context, BuildContext):
                raise TypeError(name)
            made = {"directory": self._product(product), "platform": context.platform}
            return {**made, **({"dockerBuildArgs": dict(context.arguments)} if context.arguments else {})}
        if "executable" not in source:
            return source
        tag = next(iter(places.values()))["imageTag"]
        path = self._prebuilt(name, tag)
        return {**source, "executable": [word.replace(f"{_PROJECT}{name}", path) for word in source["executable"]]}

    def _product(self, source: ProductSource) -> str | None:
        """Put an artifact of product code into the directory; its path from the assembly, None when it is left out."""
        artifact = product_artifact(source)
        if isinstance(artifact.source, BuildContext):
            place = self.folder / source.product.name
            archives.write_files(self.folder, archives.verified_files(source))
            return f"../{place.relative_to(self.folder).as_posix()}"
        if isinstance(source.product.recipe, LayerRecipe) and not self.complete:
            return None
        return self._copied(archives.build(self.project, artifact), source.product.file_name)

    def _prebuilt(self, path: str, key: str) -> str:
        """Copy a prebuilt file of the project, compared with the digest in an artifact's key."""
        if not self.complete:
            return f"{_PROJECT}{path}"
        digest = key.partition(".")[0]
        artifact = Artifact(
            kind=ArtifactType.LAYER, name=path, digest=digest, source=PrebuiltFile(self.project / path), places=()
        )
        archives.require_prebuilt(artifact)
        file = PurePosixPath(path)
        return self._copied(self.project / path, f"{file.stem}-{digest[:16]}{file.suffix}")

    def _copied(self, file: Path, name: str) -> str:
        place = self.folder / _ARTIFACTS / name
        place.parent.mkdir(exist_ok=True)
        try:
            shutil.copyfile(file, place)
        except OSError as error:
            raise DeployError(f"{file} cannot be copied: {error.strerror or error}.") from error
        place.chmod(0o644)
        return f"../{_ARTIFACTS}/{name}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
