"""What every store does: pgvector on a real PostgreSQL, OpenSearch in a real server and on its wire format.

The server compares all vectors with faiss, whose graphs need a library that it lacks (opensearch/server.py), and with
the engine lucene searches by a graph. `opensearch` is opensearch_server.py, which runs everywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from lisa_lambdas.errors import BadRequestError
from lisa_lambdas.repository.identifiers import document_id
from lisa_lambdas.repository.stores import Chunk, Collection, Document, Store, Stored, opensearch
from lisa_lambdas.repository.stores.opening import opensearch_client
from lisa_lambdas.repository.stores.opensearch import OpenSearchStore
from lisa_lambdas.repository.stores.pgvector import PgVectorStore
from runtime.lambdas.repository.http_server import serving
from runtime.lambdas.repository.opensearch_server import OpenSearchServer
from runtime.lambdas.repository.postgres import ADMINISTRATOR

EAST, NORTH, WEST = (1.0, 0.0, 0.0), (0.0, 2.0, 0.0), (-3.0, 0.0, 0.0)
IN_A_DOMAIN = pytest.mark.xdist_group("opensearch")


@pytest.fixture(
    params=[
        "pgvector",
        "pgvector-configured",
        "opensearch",
        "opensearch-refreshed",
        pytest.param("opensearch-faiss", marks=IN_A_DOMAIN),
        pytest.param("opensearch-lucene", marks=IN_A_DOMAIN),
    ]
)
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    if request.param == "pgvector":
        server = request.getfixturevalue("database_server")
        opened = PgVectorStore(server.database(server.make_database()).connect, is_prepared=True)
        yield opened
        opened.close()
    elif request.param == "pgvector-configured":
        server = request.getfixturevalue("database_server")
        database = server.database(server.make_database(prepared=False), user=ADMINISTRATOR)
        opened = PgVectorStore(database.connect)
        yield opened
        opened.close()
    elif request.param in ("opensearch", "opensearch-refreshed"):
        with serving(OpenSearchServer(refreshes_itself=request.param == "opensearch-refreshed")) as address:
            yield OpenSearchStore(opensearch_client(address))
    else:
        domain = request.getfixturevalue("search_domain")
        engine = request.param.rpartition("-")[2]
        monkeypatch.setitem(opensearch._METHOD, "engine", engine)
        yield OpenSearchStore(opensearch_client(domain.url))
        domain.forget()


@pytest.fixture
def collection() -> Collection:
    return Collection(f"repository-{uuid.uuid4().hex}", "model")


def document(collection: Collection, name: str = "a.txt", revision: str = "first") -> Document:
    source = f"s3://documents/ann/{name}"
    return Document(document_id(collection.repository_id, source), source, revision)


def chunks(*vectors: Sequence[float], text: str = "chunk") -> list[list[Chunk]]:
    """A batch for each vector."""
    return [[Chunk(position, f"{text} {position}", vector, position + 1)] for position, vector in enumerate(vectors)]


def texts(store: Store, collection: Collection, vector: Sequence[float] = EAST, limit: int = 10) -> list[str]:
    return [hit.text for hit in store.search(collection, vector, limit)]


def test_the_nearest_chunks_come_first_with_the_cosine_as_score(store: Store, collection: Collection) -> None:
    given = document(collection)
    assert store.replace(collection, given, chunks(WEST, NORTH, EAST)) == 3
    hits = store.search(collection, (5.0, 0.0, 0.0), 10)
    assert [(hit.text, hit.position, hit.page) for hit in hits] == [
        ("chunk 2", 2, 3),
        ("chunk 1", 1, 2),
        ("chunk 0", 0, 1),
    ]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 0.0, -1.0], abs=1e-6)
    assert {(hit.document_id, hit.source) for hit in hits} == {(given.id, given.source)}


def test_a_chunk_may_have_no_page(store: Store, collection: Collection) -> None:
    store.replace(collection, document(collection), [[Chunk(0, "text", EAST)]])
    assert store.search(collection, EAST, 1)[0].page is None


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_no_more_are_found_than_asked_for(store: Store, collection: Collection, limit: int) -> None:
    many = [[Chunk(position, f"chunk {position}", (1.0, position / 1000, 0.0)) for position in range(150)]]
    store.replace(collection, document(collection), many)
    assert texts(store, collection, limit=limit) == [f"chunk {position}" for position in range(limit)]


def test_what_is_not_there_is_not_found(store: Store, collection: Collection) -> None:
    given = document(collection)
    assert store.find(collection, given.id) is None
    assert store.search(collection, EAST, 3) == []
    assert store.source(collection.repository_id, given.id) is None
    assert store.purge(collection.repository_id, given.id) == 0


def test_a_document_that_is_there_is_known_by_its_revision(store: Store, collection: Collection) -> None:
    given = document(collection)
    store.replace(collection, given, chunks(EAST, NORTH))
    assert store.find(collection, given.id) == Stored("first", 2)
    assert store.source(collection.repository_id, given.id) == given.source


def test_indexing_the_same_revision_again_changes_nothing(store: Store, collection: Collection) -> None:
    for _ in range(2):
        store.replace(collection, document(collection), chunks(EAST, NORTH))
    assert texts(store, collection) == ["chunk 0", "chunk 1"]
    assert store.find(collection, document(collection).id) == Stored("first", 2)


def test_another_revision_replaces_the_document(store: Store, collection: Collection) -> None:
    store.replace(collection, document(collection), chunks(EAST, NORTH, WEST))
    store.replace(collection, document(collection, "b.txt"), chunks(NORTH, text="other"))
    store.replace(collection, document(collection, revision="second"), chunks(EAST, text="new"))
    assert texts(store, collection) == ["new 0", "other 0"]
    assert store.find(collection, document(collection).id) == Stored("second", 1)


def test_a_failure_in_the_middle_leaves_nothing_of_a_new_document(store: Store, collection: Collection) -> None:
    def failing() -> Iterator[list[Chunk]]:
        yield [Chunk(0, "half", EAST)]
        assert texts(store, collection) == []
        raise BadRequestError("page 2 is damaged")

    with pytest.raises(BadRequestError, match="page 2 is damaged"):
        store.replace(collection, document(collection), failing())
    assert store.find(collection, document(collection).id) is None
    assert texts(store, collection) == []
    assert store.replace(collection, document(collection), chunks(EAST)) == 1
    assert texts(store, collection) == ["chunk 0"]


def test_a_failure_in_the_middle_leaves_an_old_revision_as_it_was(store: Store, collection: Collection) -> None:
    def failing() -> Iterator[list[Chunk]]:
        yield [Chunk(0, "half", EAST)]
        raise BadRequestError("page 2 is damaged")

    store.replace(collection, document(collection), chunks(EAST, NORTH))
    with pytest.raises(BadRequestError):
        store.replace(collection, document(collection, revision="second"), failing())
    assert texts(store, collection) == ["chunk 0", "chunk 1"]
    assert store.find(collection, document(collection).id) == Stored("first", 2)


def test_leftovers_do_not_keep_whole_chunks_from_being_found(store: Store, collection: Collection) -> None:
    def failing() -> Iterator[list[Chunk]]:
        yield [Chunk(position, "leftover", EAST) for position in range(250)]
        raise BadRequestError("damaged")

    store.replace(collection, document(collection, "whole.txt"), chunks(NORTH, text="whole"))
    with pytest.raises(BadRequestError):
        store.replace(collection, document(collection), failing())
    store.replace(collection, document(collection, "other.txt"), chunks(WEST, text="other"))
    assert texts(store, collection, limit=2) == ["whole 0", "other 0"]


def test_a_purge_takes_the_document_from_every_collection_of_its_repository(
    store: Store, collection: Collection
) -> None:
    other_model = Collection(collection.repository_id, "other model")
    other_repository = Collection(f"{collection.repository_id}-2", "model")
    for each in (collection, other_model, other_repository):
        store.replace(each, document(each), chunks(EAST, NORTH))
    store.replace(collection, document(collection, "b.txt"), chunks(WEST, text="kept"))
    assert store.purge(collection.repository_id, document(collection).id) == 4
    assert store.source(collection.repository_id, document(collection).id) is None
    assert texts(store, collection) == ["kept 0"]
    assert texts(store, other_model) == []
    assert texts(store, other_repository) == ["chunk 0", "chunk 1"]
    assert store.purge(collection.repository_id, document(collection).id) == 0


def test_collections_do_not_see_each_other(store: Store, collection: Collection) -> None:
    other_model = Collection(collection.repository_id, "other model")
    store.replace(collection, document(collection), chunks(EAST))
    store.replace(other_model, document(other_model), [[Chunk(0, "two dimensions", (1.0, 0.0))]])
    assert texts(store, collection) == ["chunk 0"]
    assert texts(store, other_model, (1.0, 0.0)) == ["two dimensions"]


def test_a_change_of_dimension_is_refused_and_says_why(store: Store, collection: Collection) -> None:
    store.replace(collection, document(collection), chunks(EAST))
    with pytest.raises(BadRequestError, match=r"returns 2 dimensions, but repository .* has 3"):
        store.replace(collection, document(collection, "b.txt"), [[Chunk(0, "flat", (1.0, 0.0))]])
    with pytest.raises(BadRequestError, match=r"returns 2 dimensions, but repository .* has 3"):
        store.search(collection, (1.0, 0.0), 3)
    assert texts(store, collection) == ["chunk 0"]


def test_texts_come_back_as_they_were(store: Store, collection: Collection) -> None:
    text = 'tab\tnew line\nbackslash \\N quote " {"json": 1} \\. ünïcödé 🙂'
    store.replace(collection, document(collection), [[Chunk(0, text, EAST)]])
    assert texts(store, collection) == [text]


@pytest.mark.parametrize("equal", [41])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_many_equal_chunks_do_not_hide_the_nearest(
    store: Store, collection: Collection, equal: int, place: str
) -> None:
    vectors = [NORTH] * equal
    vectors.insert({"first": 0, "middle": equal // 2, "last": equal}[place], EAST)
    batch = [
        Chunk(position, "the one" if vector is EAST else "equal", vector) for position, vector in enumerate(vectors)
    ]
    store.replace(collection, document(collection), [batch])
    assert texts(store, collection, (1.0, 0.5, 0.0), limit=3)[0] == "the one"


def test_documents_of_groups_are_found_by_their_groups_only(store: Store, collection: Collection) -> None:
    """Many nearer chunks of another group take no place among the results."""
    hidden = [[Chunk(position, "hidden", (1.0, position / 1e6, 0.0)) for position in range(300)]]
    store.replace(collection, replace(document(collection, "hidden.txt"), groups=("law", "board")), hidden)
    store.replace(collection, replace(document(collection, "own.txt"), groups=("science",)), chunks(NORTH, text="own"))
    store.replace(collection, document(collection, "open.txt"), chunks(WEST, text="open"))

    def found(*groups: str, limit: int = 3) -> list[str]:
        return [hit.text for hit in store.search(collection, EAST, limit, groups)]

    assert found("science") == ["own 0", "open 0"]
    assert found() == found("nobody") == ["open 0"]
    assert found("science", "board") == ["hidden"] * 3
    store.replace(collection, document(collection, "own.txt", revision="for all"), chunks(NORTH, text="own"))
    assert found() == ["own 0", "open 0"]
