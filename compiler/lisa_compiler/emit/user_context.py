"""Reads a user's own build context, which is copied into the output."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lisa_schema.errors import LisaError

FILE_LIMIT = 10 * 1024 * 1024
"""Bytes of a file that may be copied into the output, which is committed."""

CONTEXT_LIMIT = 50 * 1024 * 1024
"""Bytes of a whole context."""

_IGNORE_FILE = ".dockerignore"


class ContextError(LisaError):
    """A build context cannot be made; the text says why and what to do."""


def read_user_context(project: Path, path: str) -> dict[str, bytes]:
    """The files of a context by path relative to it, without those that its .dockerignore leaves out.

    Raises:
        ContextError: it is not a folder of the project with a Dockerfile, a link leads out of it, or it is too big.
    """
    folder = project / path
    root = folder.resolve()
    if not root.is_relative_to(project.resolve()):
        raise ContextError(f"The build context {path} is outside the project: move it into the project.")
    if not folder.is_dir():
        raise ContextError(
            f"The build context {path} is not a directory of the project: create it, or use a built-in context."
        )
    if not (folder / "Dockerfile").is_file():
        raise ContextError(f"The build context {path} has no Dockerfile: add one.")
    ignore = Ignore.read(folder / _IGNORE_FILE)
    files: dict[str, bytes] = {}
    total = 0
    for name, file in _walk(folder, path):
        if name not in {"Dockerfile", _IGNORE_FILE} and ignore.leaves_out(name):
            continue
        if not file.resolve().is_relative_to(root):
            raise ContextError(
                f"{path}/{name} is a symbolic link to a file outside the build context: replace it with the file."
            )
        if not file.is_file():
            raise ContextError(f"{path}/{name} is not a regular file: remove it, or list it in {path}/{_IGNORE_FILE}.")
        size = file.stat().st_size
        total += size
        if size > FILE_LIMIT or total > CONTEXT_LIMIT:
            what = (
                f"{path}/{name} has {size:,} bytes" if size > FILE_LIMIT else f"{path} has over {CONTEXT_LIMIT:,} bytes"
            )
            raise ContextError(
                f"{what}, too many to copy into the output (limit: {FILE_LIMIT:,} a file, {CONTEXT_LIMIT:,} a "
                f"context): list files that the image does not need in {path}/{_IGNORE_FILE}, or build it yourself "
                "and use an image of type ecr, registry or tarball."
            )
        files[name] = file.read_bytes()
    return files


def _walk(folder: Path, path: str) -> Iterator[tuple[str, Path]]:
    for directory, directories, names in os.walk(folder, followlinks=False):
        directories.sort()
        here = Path(directory)
        for name in directories:
            if (here / name).is_symlink():
                raise ContextError(
                    f"{path}/{(here / name).relative_to(folder).as_posix()} is a symbolic link to a directory: "
                    "replace it with the directory."
                )
        for name in sorted(names):
            yield (here / name).relative_to(folder).as_posix(), here / name


@dataclass(frozen=True, slots=True)
class Ignore:
    """The patterns of a .dockerignore file, in order: (leaves out, pattern)."""

    patterns: tuple[tuple[bool, re.Pattern[str]], ...]

    @classmethod
    def read(cls, file: Path) -> Ignore:
        """Read a .dockerignore file; without one, nothing is left out."""
        if not file.is_file():
            return cls(())
        lines = (line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
        return cls.parse(*(line for line in lines if line and not line.startswith("#")))

    @classmethod
    def parse(cls, *lines: str) -> Ignore:
        """Make one from its lines, without comments."""
        return cls(tuple((not line.startswith("!"), _pattern(line.removeprefix("!"))) for line in lines))

    def leaves_out(self, name: str) -> bool:
        """Whether a file is left out: by the last pattern that matches it or a folder it is in."""
        left_out = False
        for leaves_out, pattern in self.patterns:
            if pattern.fullmatch(name):
                left_out = leaves_out
        return left_out


def _pattern(line: str) -> re.Pattern[str]:
    """Translate a pattern: `*` and `?` within a name, `**` across folders, `[…]` a set; a folder means all below it."""
    translated = ""
    cleaned = line.strip().strip("/")
    position = 0
    while position < len(cleaned):
        rest = cleaned[position:]
        if rest.startswith("**/"):
            translated, position = translated + "(?:.*/)?", position + 3
        elif rest.startswith("**"):
            translated, position = translated + ".*", position + 2
        elif rest[0] == "*":
            translated, position = translated + "[^/]*", position + 1
        elif rest[0] == "?":
            translated, position = translated + "[^/]", position + 1
        elif rest[0] == "[" and "]" in rest[1:]:
            end = rest.index("]", 1)
            translated, position = translated + rest[: end + 1].replace("[!", "[^"), position + end + 1
        else:
            translated, position = translated + re.escape(rest[0]), position + 1
    return re.compile(f"{translated}(?:/.*)?", re.DOTALL)
