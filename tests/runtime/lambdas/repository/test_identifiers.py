"""Ids follow from what they name, and from nothing else."""

from __future__ import annotations

import re

import pytest

from lisa_lambdas.repository import identifiers

REVISION = ("digest", "model", 512, 51)


def test_a_documents_id_is_the_same_each_time() -> None:
    # Written down: an id that changed with a release would double what is indexed.
    assert identifiers.document_id("docs", "s3://bucket/ann/a.txt") == "c04b0af6f721b43849c519b424d0b727"


def test_repositories_and_sources_have_documents_of_their_own() -> None:
    named = {("docs", "s3://b/a"), ("docs", "s3://b/b"), ("docss", "3://b/a"), ("other", "s3://b/a")}
    assert len({identifiers.document_id(*each) for each in named}) == len(named)


@pytest.mark.parametrize(
    "other",
    [("other", "model", 512, 51), ("digest", "m", 512, 51), ("digest", "model", 51, 512), ("digest", "model", 512, 5)],
)
def test_a_revision_depends_on_content_model_and_splitting(other: tuple[str, str, int, int]) -> None:
    assert identifiers.revision(*other) != identifiers.revision(*REVISION)
    assert identifiers.revision(*REVISION) == identifiers.revision(*REVISION)


def test_chunk_ids_name_document_revision_and_position() -> None:
    assert identifiers.chunk_ids("d", "r", 2) == ["d.r.0", "d.r.1"]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("0" * 32, True), ("f" * 31, False), ("F" * 32, False), (f"{'0' * 32}\n", False), ("../" * 10 + "ab", False)],
)
def test_a_documents_id_is_known_by_its_form(text: str, is_one: bool) -> None:
    assert identifiers.is_document_id(text) is is_one


@pytest.mark.parametrize("separator", ["_", "-"])
def test_a_collections_name_suits_postgresql_and_opensearch(separator: str) -> None:
    name = identifiers.collection_name("Docs; DROP TABLE x", "org/Model-1", separator)
    assert re.fullmatch(rf"lisa{separator}rag{separator}[0-9a-f]{{16}}{separator}[0-9a-f]{{16}}", name)
    assert name.startswith(identifiers.repository_prefix("Docs; DROP TABLE x", separator))
