"""Everyone's files are below a prefix of their own, and no name leads out of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lisa_lambdas.caller import Caller
from lisa_lambdas.errors import BadRequestError, ForbiddenError
from lisa_lambdas.repository.object_keys import ingestion_key, must_own, prefix_of, upload_key

ANN = Caller("subject-ann", "ann", is_admin=False)
BOB = Caller("subject-bob", "bob", is_admin=False)
ADA = Caller("subject-ada", "ada", is_admin=True)

TRICKS = [
    "", "/", "/etc/passwd", "..", "../subject-bob/a.txt", "a/../../b.txt", "a//b.txt", "./a.txt", "a/.", "a/",
    "a\\..\\b.txt", "a\0.txt", "a\n.txt", "a\x7f.txt", "a\u2028.txt", "a\ud800.txt",
    "x" * 1013, "é" * 510,
]  # fmt: skip


def caller(subject: str) -> Caller:
    return Caller(subject, subject, is_admin=False)


@pytest.mark.parametrize("name", TRICKS)
def test_tricks_are_refused(name: str) -> None:
    with pytest.raises(BadRequestError):
        upload_key(ANN, name)


@pytest.mark.parametrize("name", ["subject-ann/../subject-bob/a.txt", "subject-ann//a.txt"])
def test_tricks_below_the_own_prefix_are_refused(name: str) -> None:
    for check in (upload_key, ingestion_key):
        with pytest.raises(BadRequestError):
            check(ANN, name)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a.txt", "subject-ann/a.txt"),
        ("subject-ann/a.txt", "subject-ann/a.txt"),
        ("2026/q1 (final).pdf", "subject-ann/2026/q1 (final).pdf"),
        ("subject-bob/a.txt", "subject-ann/subject-bob/a.txt"),
        ("subject-anna/a.txt", "subject-ann/subject-anna/a.txt"),
        ("..a.txt", "subject-ann/..a.txt"),
        ("%2e%2e/a.txt", "subject-ann/%2e%2e/a.txt"),
        ("übersicht.txt", "subject-ann/übersicht.txt"),
    ],
)
def test_a_file_is_uploaded_below_the_callers_prefix(name: str, key: str) -> None:
    assert upload_key(ANN, name) == key


def test_a_bare_name_is_ones_own_file() -> None:
    assert ingestion_key(ANN, "a.txt") == "subject-ann/a.txt"


def test_another_users_file_is_ingested_by_them_and_by_administrators() -> None:
    assert ingestion_key(BOB, "subject-bob/a.txt") == "subject-bob/a.txt"
    assert ingestion_key(ADA, "subject-bob/a.txt") == "subject-bob/a.txt"
    with pytest.raises(ForbiddenError):
        ingestion_key(ANN, "subject-bob/a.txt")


@pytest.mark.parametrize("key", ["subject-anna/a.txt", "subject-an/a.txt", "SUBJECT-ANN/a.txt", "", "subject-ann"])
def test_what_only_looks_like_the_own_prefix_is_anothers(key: str) -> None:
    with pytest.raises(ForbiddenError):
        must_own(ANN, key)


@pytest.mark.parametrize("subject", ["..", ".", "a/b", "a b", "auth0|1", "ann@example.com", "é", "%2E"])
def test_any_subject_has_a_prefix_that_is_one_part(subject: str) -> None:
    prefix = prefix_of(caller(subject))
    assert prefix.count("/") == 1
    assert upload_key(caller(subject), "a.txt") == f"{prefix}a.txt"


@given(st.text(min_size=1), st.text(min_size=1))
def test_subjects_that_differ_have_prefixes_that_differ(one: str, other: str) -> None:
    if one != other:
        first, second = (prefix_of(caller(each)) for each in (one, other))
        assert not first.startswith(second)
