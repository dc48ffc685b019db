"""Whether an environment's output is what its manifest says: what a compile wrote, without edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.output.manifest import output_digests, outputs, sha256
from lisa_compiler.output.tree import MANIFEST, is_executable, output_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def is_intact(directory: Path, expected: Mapping[str, str]) -> bool:
    """Return whether the files of an output are those of these digests, with the modes that go with them.

    Raises:
        OSError: a file cannot be read.
    """
    if directory.is_symlink():
        return False
    digests = {}
    for name, path in output_files(directory):
        if name == MANIFEST:
            continue
        if path.is_symlink():
            return False
        content = path.read_bytes()
        if is_executable(content) != bool(path.stat().st_mode & 0o100):
            return False
        digests[name] = sha256(content)
    return output_digests(digests) == expected


def matches_manifest(directory: Path) -> bool:
    """Return whether the files of an output are those that its own manifest names."""
    try:
        return is_intact(directory, outputs((directory / MANIFEST).read_bytes()))
    except OSError:
        return False
