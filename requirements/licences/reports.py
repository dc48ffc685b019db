"""licences.json again: what is known, what installed packages declare, and what pip reports on the others."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from locks import Pin, lock_paths, read_lock
from packaging.utils import canonicalize_name

from licences.metadata import declared_license
from licences.packages import TABLE, installed_licenses, read_table
from licences.policy import Policy

_LINUX = (*(f"manylinux_2_{minor}_x86_64" for minor in range(34, 4, -1)), "manylinux2014_x86_64", "manylinux1_x86_64")
_WINDOWS = ("win_amd64",)


def refresh(policy: Policy) -> dict[str, dict[str, str]]:
    """The table for the locks as they are: what is known, what installed packages declare, and what pip reports."""
    known = {(name, version): license_ for name, version, license_ in installed_licenses(policy.metadata) if license_}
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
