"""The license of every package in the locks: `python -m licences check`, `write` or `refresh`.

    check     compares each lock with licences.json and licences.toml, and that with the packages that are installed
    write     writes docs/licences.md
    refresh   asks for what licences.json lacks: the packages that are installed, else the index that pip uses

A license is what the package's own metadata declare (PEP 639, else the older fields and classifiers), as an SPDX
expression. Packages of npm have theirs in package-lock.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing
from locks import ROOT, Pin, lock_paths, read_lock
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name

TABLE = ROOT / "requirements/licences.json"
POLICY = ROOT / "requirements/licences.toml"
PAGE = ROOT / "docs/licences.md"
UNKNOWN = ""
_ENVIRONMENTS = (".venv", ".venv/gateway", ".venv/checkov", ".venv/weights")
_TOOLS = {f"requirements/{name}.txt" for name in ("checkov", "dev", "models", "weights")}
_NPM = ("package-lock.json", "runtime/web/package-lock.json")
_LINUX = (*(f"manylinux_2_{minor}_x86_64" for minor in range(34, 4, -1)), "manylinux2014_x86_64", "manylinux1_x86_64")
_WINDOWS = ("win_amd64",)
_PURPOSES = {
    "requirements/runtime.txt": "`lisa`",
    "requirements/starter.txt": "`lisa`",
    "runtime/gateway/requirements.txt": "gateway image",
    "runtime/instructor/requirements.txt": "instructor image",
    "runtime/tools/requirements.txt": "model images",
    "package-lock.json": "cdk CLI",
    "runtime/web/package-lock.json": "web bundle",
}
_ALIASES = {
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "LicenseRef-BSD",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "LicenseRef-BSD",
    "gpl-3.0": "GPL-3.0-only",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit no attribution license (mit-0)": "MIT-0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "nvidia proprietary software": "LicenseRef-NVIDIA-Proprietary",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "zope public license": "ZPL-2.1",
}
"""What the metadata of packages call a license, in lower case. LicenseRef-BSD: they do not say which of BSD's it is."""


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A package in a lock.

    Attributes:
        lock: path of the lock in the repository.
        name: as its registry has it.
        version: the one that is pinned.
        license: SPDX expression; empty when it is not known.
        shipped: whether it reaches a customer.
    """

    lock: str
    name: str
    version: str
    license: str
    shipped: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """What licences.toml holds.

    Attributes:
        shipped: licenses that a shipped package may have.
        tools: licenses that any other package may have.
        exceptions: license of shipped packages outside `shipped`, by the pattern of their names.
        reasons: of the exceptions.
        metadata: license of a package whose metadata cannot be read, by name.
    """

    shipped: frozenset[str]
    tools: frozenset[str]
    exceptions: Mapping[str, str]
    reasons: Mapping[str, str]
    metadata: Mapping[str, str]


def read_policy(text: str) -> Policy:
    """Read licences.toml."""
    content = tomllib.loads(text)
    shipped = frozenset(content["shipped"]["allowed"])
    exceptions = content.get("exceptions", {})
    return Policy(
        shipped=shipped,
        tools=shipped | set(content["tools"]["allowed"]),
        exceptions={name: found["license"] for name, found in exceptions.items()},
        reasons={name: found["reason"] for name, found in exceptions.items()},
        metadata=content.get("metadata", {}),
    )


@cache
def _licensing() -> Any:
    """The parser of SPDX expressions, whose table of licenses takes a moment to load."""
    return get_spdx_licensing()


@cache
def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Whether a package with this SPDX expression may be used under the allowed licenses alone.

    Of alternatives (OR) one suffices; of licenses that hold together (AND), and with an exception (WITH), all must be
    allowed. An expression that cannot be read is not allowed.
    """
    licensing = _licensing()
    try:
        parsed = licensing.parse(expression)
    except ExpressionError:
        return False
    if parsed is None:
        return False

    def suffices(node: Any) -> bool:
        if isinstance(node, licensing.AND):
            return all(map(suffices, node.args))
        if isinstance(node, licensing.OR):
            return any(map(suffices, node.args))
        return str(node) in allowed

    return suffices(parsed)


def declared_license(metadata: Mapping[str, Any]) -> str:
    """SPDX expression of what a package's metadata declare; empty when they declare nothing that can be read.

    Args:
        metadata: as pip reports it: `license_expression`, `license`, `classifier`.
    """
    if expression := metadata.get("license_expression"):
        return _canonical(expression)
    if found := _canonical(metadata.get("license") or ""):
        return found
    prefix = "License :: "
    named = [
        _canonical(classifier.rpartition(" :: ")[2])
        for classifier in metadata.get("classifier") or ()
        if classifier.startswith(prefix) and classifier != f"{prefix}OSI Approved"
    ]
    # Nothing says whether it is a choice, so that all must be allowed.
    return " AND ".join(sorted(set(named))) if named and all(named) else UNKNOWN


def _canonical(text: str) -> str:
    # Some packages have the text of their license there, which begins with its name.
    text = " ".join(text.strip().partition("\n")[0].split())
    if known := _ALIASES.get(text.lower()):
        return known
    try:
        return canonicalize_license_expression(text) if text else UNKNOWN
    except InvalidLicenseExpression:
        return UNKNOWN


def read_table(path: Path = TABLE) -> dict[str, dict[str, str]]:
    """Licenses by name and version."""
    table: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return table


def packages(table: Mapping[str, Mapping[str, str]], root: Path = ROOT) -> list[Package]:
    """Every package of every lock."""
    found = set()
    for path in lock_paths(root):
        lock = path.relative_to(root).as_posix()
        for pin in read_lock(path):
            license_ = table.get(pin.name, {}).get(pin.version, UNKNOWN)
            found.add(Package(lock, pin.name, pin.version, license_, lock not in _TOOLS))
    for lock in _NPM:
        found.update(_npm_packages(root / lock, lock))
    return sorted(found)


def _npm_packages(path: Path, lock: str) -> Iterator[Package]:
    for place, entry in json.loads(path.read_text(encoding="utf-8"))["packages"].items():
        if place:
            name = place.rpartition("node_modules/")[2]
            # The only package of the first is a development dependency of the repository, and in each bundle.
            shipped = lock == "package-lock.json" or not entry.get("dev", False)
            yield Package(lock, name, entry["version"], _canonical(str(entry.get("license", ""))), shipped)


def violations(found: Iterable[Package], policy: Policy) -> Iterator[str]:
    """What is wrong with the licenses, a sentence each."""
    used = set()
    for package in found:
        where = f"{package.lock}: {package.name} {package.version}"
        if not package.license:
            yield f"{where} has no known license. Run `make licences`; add it to [metadata] if its metadata lack one."
        elif is_allowed(package.license, policy.shipped if package.shipped else policy.tools):
            continue
        elif package.shipped and (names := _exceptions(package, policy)):
            used.update(names)
        else:
            yield f"{where} has the license {package.license}, which is not allowed there. Use another package."
    for name in sorted(policy.exceptions.keys() - used):
        yield f"{POLICY.name}: no shipped package requires the exception {name}. Remove it."


def _exceptions(package: Package, policy: Policy) -> list[str]:
    matching = [name for name in policy.exceptions if fnmatchcase(package.name, name)]
    return [name for name in matching if policy.exceptions[name] == package.license]


def stale_entries(table: Mapping[str, Mapping[str, str]], found: Iterable[Package]) -> Iterator[str]:
    """Entries of the table that no lock has."""
    locked = {(package.name, package.version) for package in found}
    for name, versions in table.items():
        for version in versions:
            if (name, version) not in locked:
                yield f"{TABLE.name}: no lock has {name} {version}. Run `make licences`."


def installed_licenses(policy: Policy, root: Path = ROOT) -> Iterator[tuple[str, str, str]]:
    """Name, version and license of every package that is installed in the environments of this repository."""
    for environment in _ENVIRONMENTS:
        for site in root.glob(f"{environment}/lib/python3*/site-packages"):
            for distribution in distributions(path=[str(site)]):
                fields = distribution.metadata.json
                name = canonicalize_name(str(fields["name"]))
                yield name, distribution.version, policy.metadata.get(name) or declared_license(fields)
    for lock in _NPM:
        for place in json.loads((root / lock).read_text(encoding="utf-8"))["packages"]:
            path = (root / lock).parent / place / "package.json"
            if place and path.exists():
                content = json.loads(path.read_text(encoding="utf-8"))
                license_ = content.get("license", "")
                declared = _canonical(license_ if isinstance(license_, str) else "")
                yield f"npm:{content['name']}", content["version"], declared


def differences(installed: Iterable[tuple[str, str, str]], found: Iterable[Package]) -> Iterator[str]:
    """Where a package that is installed declares another license than is recorded for it."""
    recorded = {}
    for package in found:
        prefix = "npm:" if package.lock in _NPM else ""
        recorded[prefix + package.name, package.version] = package.license
    for name, version, license_ in installed:
        known = recorded.get((name, version), license_)
        if license_ != known:
            yield f"{name} {version} declares {license_ or 'no license'}, but {known} is recorded. Run `make licences`."


def refresh(policy: Policy) -> dict[str, dict[str, str]]:
    """The table for the locks as they are: what is known, what installed packages declare, and what pip reports."""
    known = {(name, version): license_ for name, version, license_ in installed_licenses(policy) if license_}
    if TABLE.exists():
        for name, versions in read_table().items():
            for version, license_ in versions.items():
                known.setdefault((name, version), license_)
    table: dict[str, dict[str, str]] = defaultdict(dict)
    for path in lock_paths():
        pins = list(read_lock(path))
        # Packages require a release of Python 3.8 after its first.
        python = (path.stem.partition("-py")[2] or "3.11").replace("3.8", "3.8.20")
        missing = [pin for pin in pins if (pin.name, pin.version) not in known and pin.name not in policy.metadata]
        for metadata in _reported(missing, python):
            known[canonicalize_name(metadata["name"]), metadata["version"]] = declared_license(metadata)
        for pin in pins:
            if found := policy.metadata.get(pin.name) or known.get((pin.name, pin.version)):
                table[pin.name][pin.version] = found
    return {name: dict(sorted(table[name].items())) for name in sorted(table)}


def _reported(pins: Sequence[Pin], python: str) -> Iterator[Mapping[str, Any]]:
    """Metadata of packages that are not installed, as pip reports them without installing them."""
    everywhere = [pin for pin in pins if not pin.marker]
    if everywhere:
        sys.stderr.write(f"asking for {' '.join(pin.name for pin in everywhere)}\n")
        reported = _report(everywhere, python, _LINUX)
        yield from reported or (found for pin in everywhere for found in _report([pin], python, _LINUX))
    for pin in pins:
        # One at a time, since no platform and no Python may be there that all their markers name.
        if pin.marker:
            sys.stderr.write(f"asking for {pin.name}\n")
            yield from (
                _report([pin], python, _LINUX) or _report([pin], "3.13", _LINUX) or _report([pin], "3.13", _WINDOWS)
            )


def _report(pins: Iterable[Pin], python: str, platforms: Iterable[str]) -> list[Mapping[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        command += ["--report=-", "--only-binary=:all:", f"--target={folder}", f"--python-version={python}"]
        command += [f"--platform={platform}" for platform in platforms]
        command += [f"{pin.name}=={pin.version}" for pin in pins]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return [item["metadata"] for item in json.loads(result.stdout)["install"]] if result.returncode == 0 else []


def page(found: Iterable[Package], policy: Policy) -> str:
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


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 1 when a license is not allowed or a file is out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("check", "write", "refresh"))
    command = parser.parse_args(arguments).command
    policy = read_policy(POLICY.read_text(encoding="utf-8"))
    if command == "refresh":
        TABLE.write_text(json.dumps(refresh(policy), indent=1) + "\n", encoding="utf-8", newline="\n")
        return 0
    table = read_table()
    found = packages(table)
    if command == "write":
        PAGE.write_text(page(found, policy), encoding="utf-8", newline="\n")
        return 0
    wrong = [*violations(found, policy), *stale_entries(table, found), *differences(installed_licenses(policy), found)]
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(found, policy):
        wrong.append(f"{PAGE.relative_to(ROOT)} is out of date. Run `make licences`.")
    sys.stderr.writelines(f"{sentence}\n" for sentence in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
