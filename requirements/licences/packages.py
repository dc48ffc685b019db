"""Packages and their licenses: those of the locks, as licences.json records them, and those that are installed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from locks import ROOT, lock_paths, read_lock
from packaging.utils import canonicalize_name

from licences.metadata import UNKNOWN, canonical, declared_license

TABLE = ROOT / "requirements/licences.json"
Table = Mapping[str, Mapping[str, str]]
"""Licenses by name and version."""

_ENVIRONMENTS = (".venv", ".venv/gateway", ".venv/checkov", ".venv/mutate", ".venv/weights", ".venv/clients")
_TOOLS = {f"requirements/{name}.txt" for name in ("checkov", "dev", "models", "mutate", "weights", "clients")}
_NPM = ("package-lock.json", "runtime/web/package-lock.json")


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
            yield Package(lock, name, entry["version"], canonical(str(entry.get("license", ""))), shipped)


def stale_entries(table: Mapping[str, Mapping[str, str]], found: Iterable[Package]) -> Iterator[str]:
    """Entries of the table that no lock has."""
    locked = {(package.name, package.version) for package in found}
    for name, versions in table.items():
        for version in versions:
            if (name, version) not in locked:
                yield f"{TABLE.name}: no lock has {name} {version}. Run `make licences`."


def installed_licenses(known: Mapping[str, str], root: Path = ROOT) -> Iterator[tuple[str, str, str]]:
    """Name, version and license of every package that is installed in the environments of this repository.

    Args:
        known: license of a package whose metadata cannot be read, by name.
        root: the repository.
    """
    for environment in _ENVIRONMENTS:
        for site in root.glob(f"{environment}/lib/python3*/site-packages"):
            for distribution in distributions(path=[str(site)]):
                fields = distribution.metadata.json
                name = canonicalize_name(str(fields["name"]))
                yield name, distribution.version, known.get(name) or declared_license(fields)
    for lock in _NPM:
        for place in json.loads((root / lock).read_text(encoding="utf-8"))["packages"]:
            path = (root / lock).parent / place / "package.json"
            if place and path.exists():
                content = json.loads(path.read_text(encoding="utf-8"))
                license_ = content.get("license", "")
                declared = canonical(license_ if isinstance(license_, str) else "")
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
