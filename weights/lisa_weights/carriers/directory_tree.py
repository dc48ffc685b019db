"""A directory as a carrier; links are followed where they stay inside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISREG
from typing import IO, NoReturn

from lisa_weights.carriers.tree import MAX_FILES, Entry, require_plain_path
from lisa_weights.errors import WeightsError


class DirectoryTree:
    """The files of a directory, and of its directories.

    Args:
        root: the directory; links must not lead out of it.
        start: the part of it to list, relative to it; empty for all.

    Raises:
        WeightsError: a link leads out of the directory or to nothing, a file is not a regular one, or the system
            refuses to read.
    """

    def __init__(self, root: Path, start: str = "") -> None:
        self._root = root.resolve()
        self.entries: Mapping[str, Entry] = self._list(self._root / start)

    def open(self, path: str) -> IO[bytes]:
        """Open a file at its beginning.

        Raises:
            WeightsError: the system refuses.
        """
        try:
            return (self._root / path).open("rb")
        except OSError as error:
            _refuse_unreadable(error)

    def location(self, path: str) -> Path:
        """Where a file lies, with links resolved."""
        return (self._root / path).resolve()

    def _list(self, start: Path) -> Mapping[str, Entry]:
        found = {}
        for folder, folders, names in os.walk(start, onerror=_refuse_unreadable):
            folders.sort()
            for name in folders:
                if (Path(folder) / name).is_symlink():
                    raise WeightsError(
                        f"{Path(folder) / name} is a link to a directory. Copy the model with `cp -rL` and import that."
                    )
            for name in sorted(names):
                path = Path(folder) / name
                found[require_plain_path(path.relative_to(self._root).as_posix(), str(self._root))] = self._entry(path)
                if len(found) > MAX_FILES:
                    raise WeightsError(
                        f"{self._root} has more than {MAX_FILES} files. Import the directory of one model."
                    )
        return found

    def _entry(self, path: Path) -> Entry:
        try:
            resolved = path.resolve(strict=True)
            status = resolved.stat()
        except FileNotFoundError as error:
            raise WeightsError(
                f"{path} is a link to a file that is missing. Carry the complete directory `models--…` of the Hub's"
                " cache, with blobs/, or copy the model with `cp -rL`."
            ) from error
        except (OSError, RuntimeError) as error:
            raise WeightsError(f"{path} cannot be read ({error}). Check its permissions.") from error
        if not resolved.is_relative_to(self._root):
            raise WeightsError(
                f"{path} is a link to a file outside {self._root}. Replace it with the file, for example with `cp -rL`."
            )
        if not S_ISREG(status.st_mode):
            raise WeightsError(f"{path} is not a regular file. Remove it from the model's directory.")
        return Entry(status.st_size, resolved.name)


def _refuse_unreadable(error: OSError) -> NoReturn:
    raise WeightsError(f"{error.filename} cannot be read: {error.strerror}. Check its permissions.") from error
