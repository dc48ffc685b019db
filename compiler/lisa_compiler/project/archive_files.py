"""Archives that a configuration names: zip files of layers, and images as `docker save` writes them.

What has a checksum file in place of the archive is not looked into.
"""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

from lisa_compiler.project.local_files import LocalFileError

if TYPE_CHECKING:
    from pathlib import Path

_OF_IMAGES = frozenset({"manifest.json", "index.json", "repositories"})


def require_zip(project: Path, path: str) -> None:
    """Check that a file is a zip archive, which AWS Lambda unpacks.

    Raises:
        LocalFileError: the file is there and is none.
    """
    file = project / path
    if not file.is_file():
        return
    try:
        with zipfile.ZipFile(file) as archive:
            is_empty = not archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise LocalFileError(path, "is not a zip archive.", "Write it with `make layers`, or with zip.") from error
    if is_empty:
        raise LocalFileError(path, "is an empty zip archive.", "Write it with `make layers`, or with zip.")


def require_image_archive(project: Path, path: str) -> None:
    """Check that a file is an archive of an image; of a compressed one, only that it is an archive.

    Raises:
        LocalFileError: the file is there and is none.
    """
    file = project / path
    if not file.is_file():
        return
    fix = f"Write it with `docker save --output {path} IMAGE`."
    try:
        if not tarfile.is_tarfile(file):
            raise LocalFileError(path, "is not an archive of an image.", fix)
        with tarfile.open(file, "r:") as archive:
            if not any(member.name.removeprefix("./") in _OF_IMAGES for member in archive):
                raise LocalFileError(path, "is an archive without an image: it has no manifest.json.", fix)
    except tarfile.ReadError:
        return  # It is compressed: `docker load` takes it, and reading all of it would take minutes.
    except OSError as error:
        raise LocalFileError(path, f"cannot be read: {error.strerror}.", "Correct its permissions.") from error
