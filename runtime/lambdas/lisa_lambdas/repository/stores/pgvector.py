"""PostgreSQL with pgvector: a table for each collection, and a transaction for each document."""

from __future__ import annotations

import json
from contextlib import contextmanager
from itertools import chain
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

import psycopg
from psycopg import sql

from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.identifiers import collection_name
from lisa_lambdas.repository.stores.contract import Chunk, Collection, Document, Hit, Stored
from lisa_lambdas.repository.stores.dimensions import must_fit

_Connection = psycopg.Connection[Tuple[Any, ...]]

_SCHEMA = "lisa_rag"
_COLLECTIONS = sql.Identifier(_SCHEMA, "collections")
_DOCUMENTS = sql.Identifier(_SCHEMA, "documents")
# pgvector's own limit for an index on type vector; a search without an index is exact, and slower.
_INDEXED_DIMENSIONS = 2000
# Candidates that an index scan collects: pgvector's default, which is also the most rows that it would find, and limit.
_CANDIDATES, _MOST_CANDIDATES = 40, 1000
_ITERATIVE_SCAN = (0, 8)

_MAKE_TABLES = (
    sql.SQL("CREATE EXTENSION IF NOT EXISTS vector"),
    sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(_SCHEMA)),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, repository_id text NOT NULL, model_name text NOT NULL,"
        " dimensions integer NOT NULL, UNIQUE (repository_id, model_name))"
    ).format(_COLLECTIONS),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} (collection text NOT NULL REFERENCES {}, id text NOT NULL, source text NOT NULL,"
        " revision text NOT NULL, chunks integer NOT NULL, indexed_at timestamptz NOT NULL DEFAULT now(),"
        " PRIMARY KEY (id, collection))"
    ).format(_DOCUMENTS, _COLLECTIONS),
)
_INSERT_DOCUMENT = sql.SQL(
    "INSERT INTO {} (collection, id, source, revision, chunks) VALUES (%s, %s, %s, %s, %s)"
).format(_DOCUMENTS)


class PgVectorStore:
    """A database; one thread at a time.

    Args:
        connect: makes a connection in autocommit mode; raises UnavailableError.
    """

    def __init__(self, connect: Callable[[], _Connection]) -> None:
        self._connect = connect
        self._connection: Optional[_Connection] = None
        self._version: Tuple[int, ...] = ()
        self._have_groups: Set[Collection] = set()

    def find(self, collection: Collection, document_id: str) -> Optional[Stored]:
        """See Store."""
        with self._database() as database:
            found = database.execute(
                sql.SQL("SELECT revision, chunks FROM {} WHERE collection = %s AND id = %s").format(_DOCUMENTS),
                (_name(collection), document_id),
            ).fetchone()
        return Stored(*found) if found else None

    def replace(self, collection: Collection, document: Document, batches: Iterable[Sequence[Chunk]]) -> int:
        """See Store. Two that index the same document wait for each other."""
        remaining = iter(batches)
        first = next(remaining)
        name, table = _name(collection), _table(collection)
        with self._database() as database:
            dimensions = _dimensions(database, collection) or _make_collection(database, collection, first)
            self._add_groups(database, collection)
            with database.transaction():
                _lock(database, name, document.id)
                _delete(database, name, document.id)
                count = 0
                for batch in chain([first], remaining):
                    for chunk in batch:
                        must_fit(collection, chunk.vector, dimensions)
                    _copy(database, table, document, batch)
                    count += len(batch)
                values = (name, document.id, document.source, document.revision, count)
                database.execute(_INSERT_DOCUMENT, values)
        return count

    def search(
        self, collection: Collection, vector: Sequence[float], limit: int, groups: Sequence[str] = ()
    ) -> List[Hit]:
        """See Store."""
        # The nearest are found before their sources are joined: the index serves no other order.
        query = sql.SQL(
            "WITH nearest AS MATERIALIZED (SELECT document, position, content, page, embedding <=> %(vector)s::vector"
            " AS distance FROM {} WHERE groups IS NULL OR groups && %(groups)s::text[]"
            " ORDER BY embedding <=> %(vector)s::vector LIMIT %(limit)s)"
            " SELECT document, source, position, content, page, 1 - distance FROM nearest JOIN {} AS documents"
            " ON documents.id = document AND documents.collection = %(name)s ORDER BY distance, document, position"
        ).format(_table(collection), _DOCUMENTS)
        with self._database() as database:
            dimensions = _dimensions(database, collection)
            if dimensions is None:
                return []
            must_fit(collection, vector, dimensions)
            self._add_groups(database, collection)
            with database.transaction():
                self._tune(database, limit)
                values = {"vector": _literal(vector), "limit": limit, "name": _name(collection), "groups": list(groups)}
                return [Hit(*row) for row in database.execute(query, values)]

    def source(self, repository_id: str, document_id: str) -> Optional[str]:
        """See Store."""
        query = sql.SQL(
            "SELECT source FROM {} AS documents JOIN {} AS collections ON collections.name = documents.collection"
            " WHERE repository_id = %s AND documents.id = %s LIMIT 1"
        ).format(_DOCUMENTS, _COLLECTIONS)
        with self._database() as database:
            found = database.execute(query, (repository_id, document_id)).fetchone()
        return found[0] if found else None

    def purge(self, repository_id: str, document_id: str) -> int:
        """See Store."""
        with self._database() as database, database.transaction():
            names = database.execute(
                sql.SQL("SELECT name FROM {} WHERE repository_id = %s ORDER BY name").format(_COLLECTIONS),
                (repository_id,),
            ).fetchall()
            for (name,) in names:
                _lock(database, name, document_id)
            return sum(_delete(database, name, document_id) for (name,) in names)

    def close(self) -> None:
        """Give the connection back; the next call makes another."""
        if self._connection:
            self._connection.close()
        self._connection = None

    @contextmanager
    def _database(self) -> Iterator[_Connection]:
        """The connection of this process, opened again after the database closed it, for example at a failover."""
        try:
            yield self._alive() or self._open()
        except psycopg.OperationalError as error:
            raise UnavailableError("The database of the RAG repository does not respond; try again later.") from error

    def _alive(self) -> Optional[_Connection]:
        try:
            if self._connection:
                self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self.close()
        return self._connection

    def _open(self) -> _Connection:
        opened = self._connect()
        with opened.transaction():
            # Two functions that make the same table at once would get in each other's way.
            _lock(opened, _SCHEMA)
            for statement in _MAKE_TABLES:
                opened.execute(statement)
        found = opened.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
        self._version = tuple(int(part) for part in found[0].split(".")[:2]) if found else ()
        self._connection = opened
        self._have_groups.clear()
        return opened

    def _add_groups(self, database: _Connection, collection: Collection) -> None:
        """Add the column of groups to a table of an earlier version, whose documents are for all callers."""
        if collection in self._have_groups:
            return
        found = database.execute(
            "SELECT 1 FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            " AND column_name = 'groups'",
            (_SCHEMA, _name(collection)),
        ).fetchone()
        if found is None:
            statement = sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS groups text[]").format(_table(collection))
            database.execute(statement)
        self._have_groups.add(collection)

    def _tune(self, database: _Connection, limit: int) -> None:
        """For this transaction: as many candidates as the limit needs, and a scan that goes on past deleted rows."""
        candidates = str(min(max(_CANDIDATES, 2 * limit), _MOST_CANDIDATES))
        database.execute("SELECT set_config('hnsw.ef_search', %s, true)", (candidates,))
        if self._version >= _ITERATIVE_SCAN:
            database.execute("SELECT set_config('hnsw.iterative_scan', 'strict_order', true)")


def _dimensions(database: _Connection, collection: Collection) -> Optional[int]:
    found = database.execute(
        sql.SQL("SELECT dimensions FROM {} WHERE name = %s").format(_COLLECTIONS), (_name(collection),)
    ).fetchone()
    return found[0] if found else None


def _make_collection(database: _Connection, collection: Collection, first: Sequence[Chunk]) -> int:
    """Make the table while it is empty, when an index costs nothing; returns its dimension."""
    name, table, dimensions = _name(collection), _table(collection), len(first[0].vector)
    with database.transaction():
        _lock(database, name)
        made = database.execute(
            sql.SQL(
                "INSERT INTO {} (name, repository_id, model_name, dimensions) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (name) DO NOTHING"
            ).format(_COLLECTIONS),
            (name, collection.repository_id, collection.model_name, dimensions),
        )
        if made.rowcount:
            database.execute(
                sql.SQL(
                    "CREATE TABLE {} (document text NOT NULL, position integer NOT NULL, page integer,"
                    " content text NOT NULL, embedding vector({}) NOT NULL, groups text[],"
                    " PRIMARY KEY (document, position))"
                ).format(table, sql.Literal(dimensions))
            )
            if dimensions <= _INDEXED_DIMENSIONS:
                database.execute(sql.SQL("CREATE INDEX ON {} USING hnsw (embedding vector_cosine_ops)").format(table))
        found = _dimensions(database, collection)
    assert found is not None  # noqa: S101  (just inserted, by this transaction or an earlier one)
    return found


def _copy(database: _Connection, table: sql.Identifier, document: Document, batch: Sequence[Chunk]) -> None:
    statement = sql.SQL("COPY {} (document, position, page, content, embedding, groups) FROM STDIN").format(table)
    groups = list(document.groups) or None
    with database.cursor() as cursor, cursor.copy(statement) as rows:
        for chunk in batch:
            rows.write_row((document.id, chunk.position, chunk.page, chunk.text, _literal(chunk.vector), groups))


def _delete(database: _Connection, name: str, document_id: str) -> int:
    """Delete a document from a collection; returns how many chunks it had."""
    database.execute(
        sql.SQL("DELETE FROM {} WHERE collection = %s AND id = %s").format(_DOCUMENTS), (name, document_id)
    )
    return database.execute(
        sql.SQL("DELETE FROM {} WHERE document = %s").format(sql.Identifier(_SCHEMA, name)), (document_id,)
    ).rowcount


def _lock(database: _Connection, *names: str) -> None:
    """Wait for other transactions that lock the same names; the lock ends with the transaction."""
    database.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ("\n".join((_SCHEMA, *names)),))


def _name(collection: Collection) -> str:
    return collection_name(collection.repository_id, collection.model_name, "_")


def _table(collection: Collection) -> sql.Identifier:
    return sql.Identifier(_SCHEMA, _name(collection))


def _literal(vector: Sequence[float]) -> str:
    """A vector as pgvector writes it, which is as JSON does."""
    return json.dumps(list(vector))
