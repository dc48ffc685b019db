"""What pgvector does beside the stores' contract: indexes, connections and concurrent calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.stores import Chunk, Collection, Document
from lisa_lambdas.repository.stores.database import Database
from lisa_lambdas.repository.stores.pgvector import PgVectorStore
from runtime.lambdas.repository.impostor import impostor, make_self_signed
from runtime.lambdas.repository.postgres import PASSWORD, USER, Postgres

COLLECTION = Collection("docs", "model")
DOCUMENT = Document("d", "s3://documents/ann/a.txt", "first")


@pytest.fixture
def name(database_server: Postgres) -> str:
    return database_server.make_database()


@pytest.fixture
def administer(database_server: Postgres, name: str) -> Iterator[psycopg.Connection[Any]]:
    with database_server.administer(name) as connection:
        yield connection


@pytest.fixture
def open_store(database_server: Postgres, name: str) -> Iterator[Callable[[], PgVectorStore]]:
    opened: list[PgVectorStore] = []

    def open_store() -> PgVectorStore:
        opened.append(PgVectorStore(database_server.database(name).connect, is_prepared=True))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


def chunk(*vector: float, position: int = 0) -> Chunk:
    return Chunk(position, f"chunk {position}", vector)


def connections(administer: psycopg.Connection[Any], name: str) -> list[int]:
    query = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = 'lisa-rag'"
    return [pid for (pid,) in administer.execute(query, (name,))]


@pytest.mark.parametrize(("dimensions", "indexed"), [(2000, True), (2001, False)])
def test_a_collection_has_an_index_up_to_2000_dimensions(
    open_store: Callable[[], PgVectorStore], administer: psycopg.Connection[Any], dimensions: int, indexed: bool
) -> None:
    store = open_store()
    store.replace(COLLECTION, DOCUMENT, [[chunk(*[1.0] * dimensions)]])
    found = administer.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'lisa_rag'").fetchall()
    assert any("USING hnsw" in definition for (definition,) in found) is indexed
    assert [hit.text for hit in store.search(COLLECTION, [1.0] * dimensions, 3)] == ["chunk 0"]


def test_a_search_can_use_the_index(
    open_store: Callable[[], PgVectorStore], administer: psycopg.Connection[Any]
) -> None:
    # PostgreSQL would read this small a table whole; this asks whether it could do without.
    administer.execute(f"ALTER DATABASE {administer.info.dbname} SET enable_seqscan = off")
    store = open_store()
    many = [[chunk(1.0, position / 1000, 0.0, position=position) for position in range(500)]]
    store.replace(COLLECTION, DOCUMENT, many)
    scans = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname LIKE '%embedding%'"
    assert [hit.position for hit in store.search(COLLECTION, [1.0, 0.0, 0.0], 100)] == list(range(100))
    store.close()
    # The server counts the scans of a connection when its process ends, a moment after the connection does.
    for _ in range(100):
        if (counted := administer.execute(scans).fetchone()) != (0,):
            break
        time.sleep(0.1)
    assert counted == (1,)


def test_searches_see_a_document_once_it_is_whole(open_store: Callable[[], PgVectorStore]) -> None:
    writer, reader = open_store(), open_store()
    seen: list[int] = []

    def batches(first: int) -> Iterator[list[Chunk]]:
        for position in range(3):
            yield [chunk(1.0, float(first), position=position)]
            seen.append(len(reader.search(COLLECTION, [1.0, 0.0], 10)))

    writer.replace(COLLECTION, DOCUMENT, batches(0))
    writer.replace(COLLECTION, Document("d", DOCUMENT.source, "second"), list(batches(1))[:2])
    assert seen[:3] == [0, 0, 0]
    assert seen[3:] == [3, 3, 3]
    assert len(reader.search(COLLECTION, [1.0, 0.0], 10)) == 2


def test_two_that_ingest_the_same_document_at_once_leave_one(open_store: Callable[[], PgVectorStore]) -> None:
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def ingest(revision: str) -> None:
        try:
            store = open_store()
            barrier.wait(10)
            batches = [[chunk(1.0, 0.0, position=position)] for position in range(20)]
            store.replace(COLLECTION, Document("d", DOCUMENT.source, revision), batches)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ingest, args=(revision,)) for revision in "abab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert sorted(hit.position for hit in open_store().search(COLLECTION, [1.0, 0.0], 100)) == list(range(20))


def test_a_connection_is_kept_between_calls(
    open_store: Callable[[], PgVectorStore], administer: psycopg.Connection[Any], name: str
) -> None:
    store = open_store()
    store.replace(COLLECTION, DOCUMENT, [[chunk(1.0, 0.0)]])
    before = connections(administer, name)
    store.search(COLLECTION, [1.0, 0.0], 3)
    assert len(before) == 1
    assert connections(administer, name) == before


def test_a_connection_that_the_database_closed_is_made_anew(
    open_store: Callable[[], PgVectorStore], administer: psycopg.Connection[Any], name: str
) -> None:
    store = open_store()
    store.replace(COLLECTION, DOCUMENT, [[chunk(1.0, 0.0)]])
    for pid in connections(administer, name):
        administer.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert len(store.search(COLLECTION, [1.0, 0.0], 3)) == 1


def test_a_connection_lost_in_the_middle_leaves_nothing(
    open_store: Callable[[], PgVectorStore], administer: psycopg.Connection[Any], name: str
) -> None:
    def batches() -> Iterator[list[Chunk]]:
        yield [chunk(1.0, 0.0)]
        for pid in connections(administer, name):
            administer.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        yield [chunk(0.0, 1.0, position=1)]

    store = open_store()
    with pytest.raises(UnavailableError, match="does not respond"):
        store.replace(COLLECTION, DOCUMENT, batches())
    assert store.find(COLLECTION, DOCUMENT.id) is None
    assert store.search(COLLECTION, [1.0, 0.0], 3) == []


def test_a_rotated_password_is_read_again(database_server: Postgres, name: str) -> None:
    passwords = iter(["first password", "second password"])
    database = database_server.database(name, user="rotated", password=lambda: next(passwords))
    with database_server.administer(name) as administer:
        administer.execute("CREATE ROLE rotated LOGIN PASSWORD 'first password'")
        database.connect().close()
        database.connect().close()
        administer.execute("ALTER ROLE rotated PASSWORD 'second password'")
        database.connect().close()
    assert list(passwords) == []


def test_a_wrong_password_is_refused_and_read_again_the_next_time(database_server: Postgres, name: str) -> None:
    passwords = iter(["wrong", PASSWORD])
    database = database_server.database(name, password=lambda: next(passwords))
    with pytest.raises(UnavailableError, match="is unreachable"):
        database.connect()
    database.connect().close()


def test_a_connection_that_is_not_encrypted_is_refused(database_server: Postgres, name: str, tmp_path: Path) -> None:
    # The server of the tests has no certificate.
    with pytest.raises(UnavailableError) as refused:
        database_server.database(name, encrypted=True, ca_file=str(make_self_signed(tmp_path / "any"))).connect()
    assert "does not support SSL" in str(refused.value.__cause__)


def test_a_bundle_of_authorities_decides_whom_the_password_is_sent_to(tmp_path: Path) -> None:
    trusted, other = (make_self_signed(tmp_path / name) for name in ("trusted", "other"))
    with impostor(trusted) as (port, greetings):
        for bundle in (other, trusted):
            database = Database(
                host="127.0.0.1", port=port, name="d", user=USER, password=lambda: PASSWORD, ca_file=str(bundle)
            )
            with pytest.raises(UnavailableError) as refused:
                database.connect()
            if bundle == other:
                assert "certificate verify failed" in str(refused.value.__cause__)
                assert greetings == []
    assert len(greetings) == 1


def test_a_database_that_is_not_there_is_unavailable() -> None:
    database = Database(host="127.0.0.1", port=9, name="none", user=USER, password=lambda: PASSWORD, encrypted=False)
    with pytest.raises(UnavailableError, match="is unreachable"):
        PgVectorStore(database.connect).find(COLLECTION, "d")
