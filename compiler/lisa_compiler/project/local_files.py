"""Files that a configuration names by path: prebuilt images, layers and web bundles.

They are often too large for git. A checksum file beside one, `<path>.sha256` as `sha256sum` writes it, stands for it:
commit that, and the compile says the same whether the file itself is there or not.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from lisa_compiler.resources import source_files
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}\b")


class LocalFileError(LisaError):
    """A file that the configuration names is missing, outside of the project, or its checksum file is not one.

    Attributes:
        path: the path as the configuration has it.
        fix: what to do about it.
    """

    def __init__(self, path: str, message: str, fix: str) -> None:
        super().__init__(f"{path} {message}")
        self.path = path
        self.fix = fix


def require(project: Path, path: str) -> None:
    """Check that a file, or a checksum file that stands for it, is in the project.

    Raises:
        LocalFileError: neither is, the checksum file is none, or the path leads out of the project.
    """
    file = _inside(project, path)
    if _checksum(file, path) is None and not file.is_file():
        raise LocalFileError(
            path,
            "is not in the project.",
            f"Add the file, or commit its checksum as {path}.sha256 (`sha256sum FILE`) to compile without it.",
        )


def digest(project: Path, path: str) -> str:
    """SHA-256 of a file in the project, in hexadecimal: from `<path>.sha256` when that is there."""
    require(project, path)
    file = _inside(project, path)
    checksum = _checksum(file, path)
    if checksum is not None:
        return checksum
    hasher = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            hasher.update(block)
    return hasher.hexdigest()


def read(project: Path, path: str) -> bytes:
    """Content of a file in the project; a checksum file does not stand for it.

    Raises:
        LocalFileError: it is not there, leads out of the project, or cannot be read.
    """
    file = _inside(project, path)
    if not file.is_file():
        raise LocalFileError(path, "is not in the project.", "Add the file, or correct the path.")
    try:
        return file.read_bytes()
    except OSError as error:
        raise LocalFileError(path, f"cannot be read: {error.strerror}.", "Correct its permissions.") from error


def _checksum(file: Path, path: str) -> str | None:
    beside = file.with_name(f"{file.name}.sha256")
    if not beside.is_file():
        return None
    found = _DIGEST.match(beside.read_text(encoding="utf-8", errors="replace").strip().lower())
    if found is None:
        raise LocalFileError(
            path, "has a checksum file that does not start with a SHA-256 digest.", "Write it with sha256sum."
        )
    return found.group()


def folder(project: Path, path: str) -> dict[str, bytes]:
    """The files of a folder in the project, by relative path."""
    found = _inside(project, path)
    if not found.is_dir():
        raise LocalFileError(
            path, "is not a directory in the project.", "Use the path of a directory, relative to the project."
        )
    return source_files(found)


def _inside(project: Path, path: str) -> Path:
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise LocalFileError(path, "is outside the project.", "Use a path relative to the project.")
    return project / relative
