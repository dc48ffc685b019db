"""Which licenses are allowed where, as licences.toml has them, and what does not keep to it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing
from locks import ROOT

from licences.files import DerivedFile
from licences.packages import Package

POLICY = ROOT / "requirements/licences.toml"


@dataclass(frozen=True, slots=True)
class Policy:
    """What licences.toml holds.

    Attributes:
        shipped: licenses that a shipped package may have.
        tools: licenses that any other package may have.
        exceptions: license of shipped packages outside `shipped`, by the pattern of their names.
        reasons: of the exceptions.
        metadata: license of a package whose metadata cannot be read, by name.
        files: files in the repository that were made from a package, by path: see licences.files.
    """

    shipped: frozenset[str]
    tools: frozenset[str]
    exceptions: Mapping[str, str]
    reasons: Mapping[str, str]
    metadata: Mapping[str, str]
    files: Mapping[str, Mapping[str, str]]


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
        files=content.get("files", {}),
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


def file_violations(found: Iterable[DerivedFile], policy: Policy) -> Iterator[str]:
    """What is wrong with the licenses of files, a sentence each. They are shipped, whatever their packages are."""
    for file in found:
        made = f"{file.package} {file.version}".rstrip()
        if not file.license:
            yield f"{file.path} is made from {made}, which no lock has. Run `{file.command}`."
        elif not is_allowed(file.license, policy.shipped):
            yield f"{file.path} has the license {file.license} of {made}, which is not allowed there. Remove the file."
