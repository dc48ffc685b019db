"""The files of a model by path, in a directory, a bucket or on the Hub, and bounded reads of the small ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any

from lisa_weights.errors import WeightsError

Open = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens a model's file by its path, at the beginning."""

MAX_CONFIG_BYTES = 4_000_000
"""Of a configuration file; the largest known one has 200 KB."""

_LFS_BEGINNING = b"version https://git-lfs.github.com/spec/"
_LFS_OLDEST = b"version https://hawser.github.com/spec/"
_LFS_MAX_BYTES = 1023
"""A pointer has fewer than 1024 bytes (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md)."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The files of one model.

    Attributes:
        sizes: bytes of every file by path relative to the model, with forward slashes.
        open_file: opens one of them.
    """

    sizes: Mapping[str, int]
    open_file: Open

    def head(self, path: str, count: int) -> bytes:
        """The first bytes of a file, at most `count`.

        Raises:
            OSError: the system refuses.
        """
        parts = []
        with self.open_file(path) as stream:
            while count > 0 and (part := stream.read(count)):
                parts.append(part)
                count -= len(part)
        return b"".join(parts)

    def json(self, path: str) -> Any:
        """Parse a configuration file as the loaders do, which accept repeated keys.

        Raises:
            WeightsError: a clause such as “is not JSON”.
            OSError: the system refuses.
        """
        content = self.head(path, MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise WeightsError("is too large for a configuration file")
        try:
            return json.loads(content.decode())
        except (ValueError, RecursionError) as error:
            raise WeightsError("is not JSON") from error

    def json_object(self, path: str) -> Mapping[str, Any]:
        """A configuration file's object; empty where the file is absent, is not JSON or has another type."""
        if path not in self.sizes:
            return {}
        try:
            found = self.json(path)
        except WeightsError:
            return {}
        return found if isinstance(found, dict) else {}

    def is_lfs_pointer(self, path: str) -> bool:
        """Whether a file is a Git LFS pointer instead of the content that it stands for."""
        if not 0 < self.sizes.get(path, 0) <= _LFS_MAX_BYTES:
            return False
        return self.head(path, len(_LFS_BEGINNING)).startswith((_LFS_BEGINNING, _LFS_OLDEST))


def lfs_problem(path: str) -> str:
    """Describe a Git LFS pointer, a sentence without a full stop."""
    return (
        f"{path} is a Git LFS pointer, not the file: run `git lfs pull` in the clone that it was copied from, and copy"
        " the file again"
    )
