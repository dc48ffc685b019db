"""docs/licences.md: the exceptions, what is shipped, and the tools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from locks import ROOT

from licences.files import DerivedFile
from licences.packages import Package
from licences.policy import Policy

PAGE = ROOT / "docs/licences.md"
_PURPOSES = {
    "requirements/runtime.txt": "`lisa`",
    "requirements/starter.txt": "`lisa`",
    "runtime/gateway/requirements.txt": "gateway image",
    "runtime/instructor/requirements.txt": "instructor image",
    "runtime/tools/requirements.txt": "model images",
    "package-lock.json": "cdk CLI",
    "runtime/web/package-lock.json": "web bundle",
}


def page(found: Iterable[Package], files: Iterable[DerivedFile], policy: Policy) -> str:
    """docs/licences.md."""
    found = list(found)
    rows: dict[tuple[str, str], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    tools: dict[str, set[str]] = defaultdict(set)
    for package in found:
        if package.shipped:
            versions, places = rows[package.name, package.license]
            versions.add(package.version)
            places.add(_purpose(package.lock))
        else:
            tools[package.license].add(package.name)
    lines = [
        "# Licenses",
        "",
        "Written by `make licences`; do not edit. [licences.toml](../requirements/licences.toml) has the allowed",
        "licenses and those of packages whose metadata name none. `make check-licences` checks every lock;",
        "[a decision](decisions/0028-licences.md) gives the reasons. LISA has the [Apache License 2.0](../LICENSE).",
        "",
        "## Exceptions",
        "",
        "| package | license | reason |",
        "|---|---|---|",
        *(f"| {name} | {policy.exceptions[name]} | {policy.reasons[name]} |" for name in sorted(policy.exceptions)),
        "",
        "## Shipped packages",
        "",
        "What images, layers and the web bundle contain, what `lisa` requires, and the cdk CLI. `LicenseRef-BSD` is",
        "one of the BSD licenses; the metadata of the package do not name which.",
        "",
        "| package | version | license | where |",
        "|---|---|---|---|",
    ]
    for (name, license_), (versions, places) in sorted(rows.items(), key=lambda row: (row[0][0].lstrip("@"), row[0])):
        lines.append(f"| {name} | {', '.join(sorted(versions))} | {license_} | {', '.join(sorted(places))} |")
    lines += [
        "",
        "## Files",
        "",
        "Files in the repository that are made from a package, with its license. Each names its source and license.",
        "",
        "| file | made from | license | where |",
        "|---|---|---|---|",
        *(f"| `{file.path}` | {file.package} {file.version} | {file.license} | {file.purpose} |" for file in files),
        "",
        "## Tools",
        "",
        "What is installed to work on LISA and is not passed on.",
        "",
        "| license | packages |",
    ]
    lines.append("|---|---|")
    lines += [f"| {license_} | {', '.join(sorted(tools[license_]))} |" for license_ in sorted(tools)]
    return "\n".join(lines) + "\n"


def _purpose(lock: str) -> str:
    return _PURPOSES.get(lock) or f"layer {Path(lock).parent.name}"
