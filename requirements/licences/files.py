"""Files in the repository that were made from a package, and so have its license."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from locks import ROOT

from licences.metadata import UNKNOWN
from licences.packages import Table

_HEADING_CHARACTERS = 500


@dataclass(frozen=True, slots=True, order=True)
class DerivedFile:
    """A file that was made from a package, as `[files]` in licences.toml lists it.

    Attributes:
        path: in the repository.
        package: the package.
        version: of the package, as the heading of the file has it; empty when it has none.
        license: SPDX expression of that version in the locks; empty when none has it.
        purpose: where it is shipped.
        command: what makes it.
    """

    path: str
    package: str
    version: str
    license: str
    purpose: str
    command: str


def derived_files(entries: Mapping[str, Mapping[str, str]], table: Table, root: Path = ROOT) -> Iterator[DerivedFile]:
    """The files with the licenses of their packages.

    Args:
        entries: `package`, `purpose` and `command` of each file, by its path.
        table: licenses by name and version.
        root: the repository.

    Raises:
        OSError: a file cannot be read.
    """
    for path, entry in sorted(entries.items()):
        package = entry["package"]
        heading = (root / path).read_text(encoding="utf-8")[:_HEADING_CHARACTERS]
        found = re.search(rf"\b{re.escape(package)} ([0-9][0-9.]*[0-9])", heading)
        version = found[1] if found else ""
        license_ = table.get(package, {}).get(version, UNKNOWN)
        yield DerivedFile(path, package, version, license_, entry["purpose"], entry["command"])
