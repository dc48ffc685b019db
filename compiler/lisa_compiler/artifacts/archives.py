"""Build the artifacts that are zip files: the same sources make the same bytes, wherever and whenever.

What is built is kept in `.lisa/artifacts` of the project under its digest, and put there by a rename, so that a file of
that name is whole whatever was interrupted.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.artifacts.artifact import DirectorySource, PrebuiltFile, ProductSource
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.output.atomic_directory import create_directory_atomically
from lisa_compiler.output.tree import files_below, is_executable, matches_exactly
from lisa_compiler.product.artifact import MATERIALIZED, ImageRecipe, LayerRecipe
from lisa_compiler.product.layers import BUILDER
from lisa_compiler.product.sources import complete_files, source_digest
from lisa_schema.atomic_file import replaced_file
from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.artifacts.artifact import Artifact, BuildContext

BUILT = Path(MATERIALIZED)
"""Where what is built lies, below the project."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def built_path(project: Path, artifact: Artifact) -> Path:
    """Where the file of an artifact is once it is built; for a prebuilt one, where it has to be."""
    if isinstance(artifact.source, PrebuiltFile):
        return artifact.source.path
    if isinstance(artifact.source, ProductSource):
        return artifact.source.target
    return project / BUILT / f"{artifact.kind}-{artifact.name}-{artifact.digest[:16]}.zip"


def is_built(project: Path, artifact: Artifact) -> bool:
    """Whether the file of an artifact is there; its name has the digest of what it is made from."""
    return built_path(project, artifact).is_file()


def build(project: Path, artifact: Artifact) -> Path:
    """The zip file of an artifact; a layer, which takes minutes, is built unless it is there.

    Raises:
        DeployError: it cannot be built, or a prebuilt file is not the one that was compiled for.
    """
    target = built_path(project, artifact)
    if isinstance(artifact.source, PrebuiltFile):
        _require(artifact, artifact.source.path)
        return target
    if is_built(project, artifact) and not _is_archive_of_sources(artifact):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced_file(target, mode=0o644) as temporary:
            if isinstance(artifact.source, DirectorySource):
                archive({name: path.read_bytes() for name, path in files_below(artifact.source.path)}, temporary)
            elif isinstance(artifact.source, ProductSource):
                _build_product(artifact.source, temporary)
    except OSError as error:
        raise DeployError(f"{artifact.title} cannot be built: {error}.") from error
    return target


def _is_archive_of_sources(artifact: Artifact) -> bool:
    """Whether the file is made from the sources in no time, so that it need not be trusted by its name."""
    return isinstance(artifact.source, ProductSource) and not isinstance(artifact.source.product.recipe, LayerRecipe)


def archive(files: Mapping[str, bytes], target: Path) -> None:
    """Zip files: sorted, with one date, and of the modes whether a file is run alone.

    Args:
        files: content by path.
        target: where the zip file goes.

    Raises:
        OSError: the file cannot be written.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = (0o100755 if is_executable(content) else 0o100644) << 16
            file.writestr(entry, content)


def lay_out(context: BuildContext) -> Path:
    """The directory of a build context, materialized when a part of it is product code.

    Raises:
        DeployError: the sources are not those that were compiled for, or the directory cannot be written.
    """
    if context.product is not None:
        name = f"{context.product.product.name}/"
        content = {path.removeprefix(name): data for path, data in verified_files(context.product).items()}
        try:
            if not matches_exactly(context.folder, content):
                shutil.rmtree(context.folder, ignore_errors=True)
                context.folder.parent.mkdir(parents=True, exist_ok=True)
                with create_directory_atomically(context.folder) as folder:
                    write_files(folder, content)
        except OSError as error:
            raise DeployError(f"{context.folder} cannot be written: {error}.") from error
    return context.folder


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files below a directory; a script that is run by its path is executable."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if is_executable(content) else 0o644)


def verified_files(source: ProductSource) -> dict[str, bytes]:
    """What product code is made from, compared with the digest that was reviewed.

    Raises:
        DeployError: it is not what was compiled for.
        LisaError: a directory of the project is missing.
    """
    product = source.product
    arguments = product.recipe.build_args if isinstance(product.recipe, ImageRecipe) else ()
    own = source.output / product.name
    environment = {f"{product.name}/{name}": path.read_bytes() for name, path in files_below(own)}
    files = complete_files(product.name, product.recipe, source.project, environment)
    found = source_digest(files, arguments)
    if found != product.sha256:
        raise DeployError(
            f"The sources of {product.name} do not match {source.output.name}/manifest.json: their SHA-256 is "
            f"{found[:12]}…, not {product.sha256[:12]}…. LISA {source.lisa_version} compiled it, and this is LISA "
            f"{VERSION}. Install that version, or run `lisa compile --env {source.output.name}` and review the change."
        )
    return files


def require_prebuilt(artifact: Artifact) -> None:
    """Check that a prebuilt file is there and is what was compiled for.

    Raises:
        DeployError: it is not.
    """
    if isinstance(artifact.source, PrebuiltFile):
        _require(artifact, artifact.source.path)


def _require(artifact: Artifact, path: Path) -> None:
    if not path.is_file():
        raise DeployError(
            f"{artifact.title} is prebuilt, but {path} is missing; Git has only its checksum. Add the file."
        )
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != artifact.digest:
        raise DeployError(
            f"{path} is not the compiled version: its SHA-256 is {found[:12]}…, not "
            f"{artifact.digest[:12]}…. Replace the file, or update its checksum file with sha256sum and compile."
        )


def _build_product(source: ProductSource, target: Path) -> None:
    files = verified_files(source)
    if isinstance(source.product.recipe, LayerRecipe):
        _build_layer(source, source.product.recipe, files, target)
    else:
        archive(files, target)


def _build_layer(source: ProductSource, recipe: LayerRecipe, files: Mapping[str, bytes], target: Path) -> None:
    """Run the layers' builder, with the functions' Python where this machine has it: then it makes bytecode."""
    name = source.product.name.rpartition("/")[2]
    with tempfile.TemporaryDirectory(prefix="lisa-") as scratch:
        write_files(Path(scratch), files)
        command = [_python(recipe.python), str(Path(scratch, BUILDER)), name, "--output", str(target)]
        # What it and pip have to say goes to the person; the path that it prints is known.
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if result.returncode:
        raise DeployError(f"layer {name} cannot be built: fix the errors of pip above and rerun the command.")


def _python(version: str) -> str:
    found = shutil.which(f"python{version}")
    if found is None:
        return sys.executable
    has_pip = subprocess.run([found, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    return found if has_pip else sys.executable
