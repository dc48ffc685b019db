"""Licenses: what is allowed where, how metadata are read, and that the table is the one of the locks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from licences.__main__ import main
from licences.files import derived_files
from licences.metadata import declared_license
from licences.packages import Package, differences, packages, read_table, stale_entries
from licences.page import PAGE, page
from licences.policy import POLICY, file_violations, is_allowed, read_policy, violations

ALLOWED = frozenset({"MIT", "Apache-2.0", "BSD-3-Clause", "LicenseRef-BSD"})
TEXT = """
[shipped]
allowed = ["MIT"]
[tools]
allowed = ["GPL-3.0-only"]
[exceptions.psycopg]
license = "LGPL-3.0-only"
reason = "replaceable"
"""
FORBIDDEN = ("AGPL-3.0-only", "GPL-3.0-only", "SSPL-1.0", "BUSL-1.1", "Elastic-2.0", "LicenseRef-Proprietary")


def package(license_: str, name: str = "parcel", *, shipped: bool = True) -> Package:
    return Package("lock.txt", name, "1.0", license_, shipped)


PSYCOPG = package("LGPL-3.0-only", "psycopg")


def test_every_lock_keeps_the_policy() -> None:
    table, policy = read_table(), read_policy(POLICY.read_text(encoding="utf-8"))
    found = packages(table)
    assert [*violations(found, policy), *stale_entries(table, found)] == []


def test_page_is_what_the_locks_make() -> None:
    policy = read_policy(POLICY.read_text(encoding="utf-8"))
    table = read_table()
    assert PAGE.read_text(encoding="utf-8") == page(packages(table), derived_files(policy.files, table), policy)


def test_command_checks_the_repository() -> None:
    assert main(["check"]) == 0


def test_list_of_public_authorities_has_the_license_of_its_package() -> None:
    table, policy = read_table(), read_policy(POLICY.read_text(encoding="utf-8"))
    found = list(derived_files(policy.files, table))
    assert [(file.path, file.package, file.license) for file in found] == [
        ("templates/trust/public-authorities.pem", "certifi", "MPL-2.0")
    ]
    assert list(file_violations(found, policy)) == []
    assert f"| `{found[0].path}` | certifi {found[0].version} | MPL-2.0 |" in page(packages(table), found, policy)


@pytest.mark.parametrize(
    ("heading", "table", "sentence"),
    [
        ("# made from parcel 1.2\n", {"1.2": "MIT"}, None),
        ("# made from parcel 1.2.\n", {"1.2": "MIT"}, None),
        (
            "# made from parcel 1.2\n",
            {"1.3": "MIT"},
            "list.txt is made from parcel 1.2, which no lock has. Run `x`.",
        ),
        ("# made from itself\n", {"1.2": "MIT"}, "list.txt is made from parcel, which no lock has. Run `x`."),
        (
            "# made from parcel 1.2\n",
            {"1.2": "GPL-3.0-only"},
            "list.txt has the license GPL-3.0-only of parcel 1.2, which is not allowed there. Remove the file.",
        ),
    ],
)
def test_file_made_from_a_package(heading: str, table: dict[str, str], sentence: str | None, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(heading)
    entries = {"list.txt": {"package": "parcel", "purpose": "everywhere", "command": "x"}}
    found = list(derived_files(entries, {"parcel": table}, tmp_path))
    assert list(file_violations(found, read_policy(TEXT))) == ([sentence] if sentence else [])


@pytest.mark.parametrize("license_", FORBIDDEN)
def test_policy_forbids_in_what_is_shipped(license_: str) -> None:
    policy = read_policy(POLICY.read_text(encoding="utf-8"))
    assert not is_allowed(license_, policy.shipped)
    if license_ != "GPL-3.0-only":
        assert not is_allowed(license_, policy.tools)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND Apache-2.0", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", True),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", False),
        ("LicenseRef-BSD", True),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("no license at all", False),
        ("MIT AND", False),
        ("", False),
    ],
)
def test_expression_is_allowed_by_its_parts(expression: str, allowed: bool) -> None:
    assert is_allowed(expression, ALLOWED) is allowed


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"license_expression": "mit or apache-2.0"}, "MIT OR Apache-2.0"),
        ({"license": "Apache License 2.0"}, "Apache-2.0"),
        ({"license": "Dual License", "classifier": ["License :: OSI Approved :: MIT License"]}, "MIT"),
        ({"classifier": ["License :: OSI Approved", "License :: OSI Approved :: BSD License"]}, "LicenseRef-BSD"),
        (
            {"classifier": [f"License :: OSI Approved :: {name} License" for name in ("MIT", "ISC")]},
            "ISC AND MIT",
        ),
        ({"classifier": ["License :: OSI Approved :: MIT License", "License :: Other/Proprietary License"]}, ""),
        ({"license": "ask us"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_license_is_what_the_metadata_declare(metadata: dict[str, Any], expected: str) -> None:
    assert declared_license(metadata) == expected


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([package("MIT"), PSYCOPG, package("GPL-3.0-only", shipped=False)], []),
        ([package(""), PSYCOPG], ["lock.txt: parcel 1.0 has no known license."]),
        ([package("GPL-3.0-only"), PSYCOPG], ["parcel 1.0 has the license GPL-3.0-only, which is not allowed there."]),
        ([package("LGPL-3.0-only"), PSYCOPG], ["parcel 1.0 has the license LGPL-3.0-only"]),
        ([package("LicenseRef-Proprietary", shipped=False), PSYCOPG], ["LicenseRef-Proprietary"]),
        ([package("AGPL-3.0-only", "psycopg")], ["AGPL-3.0-only", "no shipped package requires the exception psycopg"]),
    ],
)
def test_violations_name_package_and_license(found: list[Package], words: list[str]) -> None:
    said = list(violations(found, read_policy(TEXT)))
    assert len(said) == len(words)
    assert all(part in sentence for part, sentence in zip(words, said, strict=True))


def test_installed_package_that_declares_another_license_is_named() -> None:
    installed = [("parcel", "1.0", "GPL-3.0-only"), ("parcel", "2.0", "MIT"), ("npm:parcel", "1.0", "ISC")]
    assert list(differences(installed, [package("MIT")])) == [
        "parcel 1.0 declares GPL-3.0-only, but MIT is recorded. Run `make licences`."
    ]


def test_entry_that_no_lock_has_is_named() -> None:
    assert list(stale_entries({"parcel": {"1.0": "MIT", "2.0": "MIT"}}, [package("MIT")])) == [
        "licences.json: no lock has parcel 2.0. Run `make licences`."
    ]
