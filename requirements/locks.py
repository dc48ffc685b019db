"""The locks of this repository: which there are, and the packages that each pins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

_REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)==(?P<version>[0-9][\w.!+]*)(?: ; (?P<marker>[^#\\]+))?"
    r"(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


class LockError(Exception):
    """A lock holds something other than packages that are pinned by version and hashes; the text says which line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A package in a lock.

    Attributes:
        name: normalized, as PyPI has it.
        version: the only one that is installed.
        marker: where it is installed, as PEP 508 writes it; empty for everywhere.
        hashes: SHA-256 of each file of the version.
    """

    name: str
    version: str
    marker: str
    hashes: frozenset[str]


def lock_paths(root: Path = ROOT) -> list[Path]:
    """Every lock of Python packages: of environments for work, and of what images and layers install."""
    return [
        *sorted(root.glob("requirements/*.txt")),
        *sorted(root.glob("runtime/*/requirements.txt")),
        *sorted(root.glob("runtime/lambdas/layers/*/requirements-py*.txt")),
    ]


def read_lock(path: Path) -> Iterator[Pin]:
    """The packages of a lock, in its order.

    Raises:
        LockError: a line is something else, such as an option, an address, or a package without a hash.
    """
    text = re.sub(r"^#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in re.sub(r" \\\n +", " ", text).splitlines():
        match = _REQUIREMENT.fullmatch(line)
        if match is None:
            raise LockError(f"{path}: `{line[:100]}` is not a package that is pinned by version and hashes.")
        hashes = frozenset(re.findall(r"[0-9a-f]{64}", match["hashes"]))
        yield Pin(name=match["name"], version=match["version"], marker=(match["marker"] or "").strip(), hashes=hashes)
