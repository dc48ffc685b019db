"""What lies in a directory of output: its files by relative path, without following links."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

MANIFEST = "manifest.json"
"""Name of the file that says that LISA made a directory, and from what."""

STATE_DIRECTORY = ".lisa"
"""Directory inside the output that holds what belongs to this machine; git ignores it."""


def files_below(directory: Path, skip: frozenset[str] = frozenset()) -> Iterator[tuple[str, Path]]:
    """Yield every entry below a directory that is not itself a directory, as (path with forward slashes, path).

    Symbolic links are yielded, never followed. The order is that of the names, on every machine. Nothing is yielded
    when the directory does not exist, and nothing for a name in `skip` at any depth.
    """
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name in skip:
            continue
        if entry.is_dir(follow_symlinks=False):
            for relative, below in files_below(path, skip):
                yield f"{entry.name}/{relative}", below
        else:
            yield entry.name, path


def output_files(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of an environment's output, without what the `cdk` CLI leaves in an assembly that it deploys."""
    for relative, path in files_below(directory):
        if not _is_cdk_byproduct(relative):
            yield relative, path


def _is_cdk_byproduct(relative: str) -> bool:
    folder, _, name = relative.partition("/")
    return folder == "cloudformation" and (name.startswith(".cache/") or name.endswith(".lock"))


def is_executable(content: bytes) -> bool:
    """Tell whether a file of this content is a script that is run by its path."""
    return content.startswith(b"#!")


def matches(path: Path, content: bytes) -> bool:
    """Tell whether a path is a regular file of exactly this content and the mode that goes with it.

    Of the mode only the owner's right to execute counts: it is all that git keeps.
    """
    if path.is_symlink() or not path.is_file():
        return False
    status = path.stat()
    executable = bool(status.st_mode & 0o100)
    return status.st_size == len(content) and executable == is_executable(content) and path.read_bytes() == content


def matches_exactly(directory: Path, files: Mapping[str, bytes]) -> bool:
    """Tell whether a directory holds these files and no others."""
    if directory.is_symlink():
        return False
    found = dict(output_files(directory))
    return found.keys() == files.keys() and all(matches(found[name], content) for name, content in files.items())


def digest_of(directory: Path, skip: frozenset[str] = frozenset()) -> str:
    """Digest of a directory's files: their names, contents, links, and whether the owner may run them."""
    digest = hashlib.sha256()
    for name, path in files_below(directory, skip):
        link = path.is_symlink()
        content = path.read_bytes() if path.is_file() else b""
        mode = "l" if link else "x" if path.stat().st_mode & 0o100 else "-"
        target = os.fsencode(path.readlink()) + b"\0" if link else b""
        digest.update(target + f"{mode} {hashlib.sha256(content).hexdigest()} ".encode() + os.fsencode(name) + b"\0")
    return digest.hexdigest()
