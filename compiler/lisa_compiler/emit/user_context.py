"""Reads a user's own build context, which is copied into the output."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lisa_compiler.project.local_files import LocalFileError
from lisa_schema.legacy_syntax import BUILT_IN_CONTEXTS, REST_API_CONTEXT

FILE_LIMIT = 10 * 1024 * 1024
"""Bytes of a file that may be copied into the output, which is committed."""

CONTEXT_LIMIT = 50 * 1024 * 1024
"""Bytes of a whole context."""

_IGNORE_FILE = ".dockerignore"


class ContextError(LocalFileError):
    """A build context cannot be made."""

    def __init__(self, path: str, message: str, fix: str) -> None:
        super().__init__(path, message, fix)
        self.args = (f"The build context {path} {message}",)


def check_context(project: Path, path: str) -> None:
    """Check that a build context is a folder of the project with a Dockerfile.

    Raises:
        ContextError: it is not.
    """
    folder = project / path
    if not folder.resolve().is_relative_to(project.resolve()):
        raise ContextError(path, "is outside the project.", "Move it into the project.")
    if not folder.is_dir():
        message = "is not a directory of the project, and no built-in context."
        near = difflib.get_close_matches(path, [REST_API_CONTEXT, *BUILT_IN_CONTEXTS.values()], 1, cutoff=0.75)
        fix = f"Write `{near[0]}`." if near else "Correct the path, create the directory, or use a built-in context."
        raise ContextError(path, message, fix)
    if not (folder / "Dockerfile").is_file():
        raise ContextError(path, "has no Dockerfile.", "Add a Dockerfile, or use a built-in context.")


def read_user_context(project: Path, path: str) -> dict[str, bytes]:
    """The files of a context by path relative to it, without those that its .dockerignore leaves out.

    Raises:
        ContextError: it is not a folder of the project with a Dockerfile, a link leads out of it, or it is too big.
    """
    check_context(project, path)
    folder = project / path
    root = folder.resolve()
    ignore = Ignore.read(folder / _IGNORE_FILE)
    files: dict[str, bytes] = {}
    total = 0
    for name, file in _walk(folder, path):
        if name not in {"Dockerfile", _IGNORE_FILE} and ignore.leaves_out(name):
            continue
        if not file.resolve().is_relative_to(root):
            message = f"has a symbolic link to a file outside of it: {name}."
            raise ContextError(path, message, "Replace the link with the file.")
        if not file.is_file():
            fix = f"Remove it, or list it in {path}/{_IGNORE_FILE}."
            raise ContextError(path, f"has a file that is not regular: {name}.", fix)
        size = file.stat().st_size
        total += size
        if size > FILE_LIMIT or total > CONTEXT_LIMIT:
            what = f"the file {name}, of {size:,} bytes" if size > FILE_LIMIT else f"over {CONTEXT_LIMIT:,} bytes"
            limits = f"{FILE_LIMIT:,} a file, {CONTEXT_LIMIT:,} a context"
            message = f"has {what}, too many to copy into the output (limit: {limits})."
            fix = (
                f"List files that the image does not need in {path}/{_IGNORE_FILE}, or build it yourself and use an "
                "image of type ecr, registry or tarball."
            )
            raise ContextError(path, message, fix)
        files[name] = file.read_bytes()
    return files


def _walk(folder: Path, path: str) -> Iterator[tuple[str, Path]]:
    for directory, directories, names in os.walk(folder, followlinks=False):
        directories.sort()
        here = Path(directory)
        for name in directories:
            if (here / name).is_symlink():
                message = f"has a symbolic link to a directory: {(here / name).relative_to(folder).as_posix()}."
                raise ContextError(path, message, "Replace the link with the directory.")
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
