"""Files of a carrier by their paths, before it is known which of them are a model's.

A path is relative with forward slashes, and never leads out of the carrier, whatever the carrier contains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from lisa_weights.errors import WeightsError

MAX_FILES = 20_000
"""Files of a carrier at most; the largest models have some hundreds."""

MAX_SMALL_BYTES = 4_000_000
"""Bytes of a file that is read into memory at most."""

_MAX_PATH = 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a carrier.

    Attributes:
        size: bytes.
        blob: name of the file that has the content: the target's where the file is a link.
        sha256: what its content must have, where the carrier states it.
    """

    size: int
    blob: str
    sha256: str | None = None


class Tree(Protocol):
    """The files of an open carrier."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Every file by its path, in the order in which they are read fastest."""

    def open(self, path: str) -> IO[bytes]:
        """Open a file at its beginning."""

    def location(self, path: str) -> Path | None:
        """Where a file lies on the disk; None inside an archive."""


class SubTree:
    """The files of an open carrier below a directory.

    Args:
        tree: the carrier.
        prefix: the directory, with a slash at the end; empty for all.
    """

    def __init__(self, tree: Tree, prefix: str) -> None:
        self._tree = tree
        self._prefix = prefix
        self.entries: Mapping[str, Entry] = {
            path.removeprefix(prefix): entry for path, entry in tree.entries.items() if path.startswith(prefix)
        }

    def open(self, path: str) -> IO[bytes]:
        """Open a file at its beginning."""
        return self._tree.open(self._prefix + path)

    def location(self, path: str) -> Path | None:
        """Where a file lies on the disk; None inside an archive."""
        return self._tree.location(self._prefix + path)


def require_plain_path(path: str, what: str) -> str:
    """Return a path inside a carrier, without `.` parts.

    Args:
        path: as the carrier has it.
        what: the carrier, for messages.

    Raises:
        WeightsError: it is absolute, leads upward, is empty or too long, or has characters that paths do not need.
    """
    pure = PurePosixPath(path)
    has_text = bool(pure.parts) and len(path) <= _MAX_PATH and path.isprintable() and "\\" not in path
    if not has_text or pure.is_absolute() or ".." in pure.parts:
        raise WeightsError(
            f"{what} was refused: {path[:200]!r} is not a path inside it. Create it again from the model's directory."
        )
    return pure.as_posix()


def read_small(tree: Tree, path: str) -> bytes:
    """Read a small file.

    Raises:
        WeightsError: it has more than MAX_SMALL_BYTES.
    """
    if tree.entries[path].size > MAX_SMALL_BYTES:
        raise WeightsError(f"{path} has more than {MAX_SMALL_BYTES} bytes, too many for such a file.")
    with tree.open(path) as stream:
        return stream.read(MAX_SMALL_BYTES)
