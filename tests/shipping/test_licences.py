"""Licenses: what is allowed where, how metadata are read, and that the table is the one of the locks."""

from __future__ import annotations

from typing import Any

import pytest
from licences import (
    PAGE,
    POLICY,
    Package,
    declared_license,
    differences,
    is_allowed,
    packages,
    page,
    read_policy,
    read_table,
    stale_entries,
    violations,
)

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
    assert PAGE.read_text(encoding="utf-8") == page(packages(read_table()), policy)


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
