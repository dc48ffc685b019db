"""Build the artifacts that are zip files: the same sources make the same bytes, wherever and whenever.

What is built is kept in `.lisa/artifacts` of the project under its digest, and put there by a rename, so that a file of
that name is whole whatever was interrupted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.deploy.assembly import Folder, LayerSource, Prebuilt
from lisa_compiler.deploy.errors import DeployError
from lisa_compiler.tree import files_below, is_executable

if TYPE_CHECKING:
    from lisa_compiler.deploy.assembly import Artifact

BUILT = Path(".lisa", "artifacts")
"""Where what is built lies, below the project."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_CHUNK = 1 << 20


def built_path(project: Path, artifact: Artifact) -> Path:
    """Where the file of an artifact is once it is built; for a prebuilt one, where it has to be."""
    if isinstance(artifact.source, Prebuilt):
        return artifact.source.path
    if isinstance(artifact.source, LayerSource) and artifact.source.target is not None:
        return artifact.source.target
    return project / BUILT / f"{artifact.kind}-{artifact.name}-{artifact.digest[:16]}.zip"


def is_built(project: Path, artifact: Artifact) -> bool:
    """Whether the file of an artifact is there; what has a fixed name may be of other sources, and is never known."""
    is_named_by_digest = not (isinstance(artifact.source, LayerSource) and artifact.source.target is not None)
    return is_named_by_digest and built_path(project, artifact).is_file()


def build(project: Path, artifact: Artifact) -> Path:
    """The zip file of an artifact, built unless it is there.

    Raises:
        DeployError: it cannot be built, or a prebuilt file is not the one that was compiled for.
    """
    target = built_path(project, artifact)
    if isinstance(artifact.source, Prebuilt):
        _require(artifact, artifact.source.path)
        return target
    if is_built(project, artifact):
        return target
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(artifact.source, Folder):
            archive(artifact.source.path, part)
        elif isinstance(artifact.source, LayerSource):
            _build_layer(artifact.source, part)
        part.replace(target)
    except OSError as error:
        raise DeployError(f"{artifact.title} cannot be built: {error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def archive(folder: Path, target: Path) -> None:
    """Zip a folder: sorted, with one date, and of the modes whether a file is run alone.

    Raises:
        OSError: the folder cannot be read, or the file not written.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, path in files_below(folder):
            content = path.read_bytes()
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = (0o100755 if is_executable(content) else 0o100644) << 16
            file.writestr(entry, content)


def require_prebuilt(artifact: Artifact) -> None:
    """Check that a prebuilt file is there and is what was compiled for.

    Raises:
        DeployError: it is not.
    """
    if isinstance(artifact.source, Prebuilt):
        _require(artifact, artifact.source.path)


def _require(artifact: Artifact, path: Path) -> None:
    if not path.is_file():
        raise DeployError(
            f"{artifact.title} is prebuilt, but {path} is missing; Git has only its checksum. Add the file."
        )
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    if found.hexdigest() != artifact.digest:
        raise DeployError(
            f"{path} is not the file that was compiled for: its SHA-256 is {found.hexdigest()[:12]}…, not "
            f"{artifact.digest[:12]}…. Put the right file there, or write its checksum with sha256sum and compile."
        )


def _build_layer(source: LayerSource, target: Path) -> None:
    """Run the layer's own builder, with the functions' Python where this machine has it: then it makes bytecode."""
    command = [_python_of(source), str(source.folder.parent / "build_layer.py"), source.folder.name]
    # What it and pip have to say goes to the person; the path that it prints is known.
    result = subprocess.run(
        [*command, "--output", str(target)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
    )
    if result.returncode:
        raise DeployError(f"layer {source.folder.name} cannot be built: what it said is above.")


def _python_of(source: LayerSource) -> str:
    version = json.loads((source.folder / "layer.json").read_bytes())["python"]
    found = shutil.which(f"python{version}")
    if found is None:
        return sys.executable
    has_pip = subprocess.run([found, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    return found if has_pip else sys.executable
