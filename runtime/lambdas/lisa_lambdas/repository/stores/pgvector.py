"""PostgreSQL with pgvector: a table for each collection, and a transaction for each document."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from itertools import chain
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

import psycopg
from psycopg import sql

from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.identifiers import collection_name
from lisa_lambdas.repository.stores.contract import Chunk, Collection, Document, Hit, Stored
from lisa_lambdas.repository.stores.dimensions import must_fit
from lisa_lambdas.repository.stores.schema import (
    COLLECTIONS,
    DOCUMENTS,
    MAKE_COLLECTION,
    SCHEMA,
    Connection,
    is_prepared,
    lock,
    prepare_schema,
)

_log = logging.getLogger(__name__)

# Candidates that an index scan collects: pgvector's default, which is also the most rows that it would find, and limit.
_CANDIDATES, _MOST_CANDIDATES = 40, 1000
_ITERATIVE_SCAN = (0, 8)
_SEARCH_MILLISECONDS = 20_000
"""A search that takes longer ends in the database too: API Gateway waits 29 seconds for the function."""
_NOT_PREPARED = "The database of the RAG repository is not prepared. Ask an administrator to read the function's log."
_UNAVAILABLE = "The database of the RAG repository does not respond; try again later."

_INSERT_DOCUMENT = sql.SQL(
    "INSERT INTO {} (collection, id, source, revision, chunks) VALUES (%s, %s, %s, %s, %s)"
).format(DOCUMENTS)


class PgVectorStore:
    """A database; one thread at a time.

    Args:
        connect: makes a connection in autocommit mode; raises UnavailableError.
        is_prepared: whether the schema was made when the repository was deployed, by an administrator; otherwise, the
            user of the connection makes it.
    """

    def __init__(self, connect: Callable[[], Connection], *, is_prepared: bool = False) -> None:
        self._connect = connect
        self._is_prepared = is_prepared
        self._connection: Optional[Connection] = None
        self._version: Tuple[int, ...] = ()

    def find(self, collection: Collection, document_id: str) -> Optional[Stored]:
        """See Store."""
        with self._database() as database:
            found = database.execute(
                sql.SQL("SELECT revision, chunks FROM {} WHERE collection = %s AND id = %s").format(DOCUMENTS),
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
            with database.transaction():
                lock(database, name, document.id)
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
        ).format(_table(collection), DOCUMENTS)
        with self._database() as database:
            dimensions = _dimensions(database, collection)
            if dimensions is None:
                return []
            must_fit(collection, vector, dimensions)
            with database.transaction():
                self._tune(database, limit)
                values = {"vector": _literal(vector), "limit": limit, "name": _name(collection), "groups": list(groups)}
                return [Hit(*row) for row in database.execute(query, values)]

    def source(self, repository_id: str, document_id: str) -> Optional[str]:
        """See Store."""
        query = sql.SQL(
            "SELECT source FROM {} AS documents JOIN {} AS collections ON collections.name = documents.collection"
            " WHERE repository_id = %s AND documents.id = %s LIMIT 1"
        ).format(DOCUMENTS, COLLECTIONS)
        with self._database() as database:
            found = database.execute(query, (repository_id, document_id)).fetchone()
        return found[0] if found else None

    def purge(self, repository_id: str, document_id: str) -> int:
        """See Store."""
        with self._database() as database, database.transaction():
            names = database.execute(
                sql.SQL("SELECT name FROM {} WHERE repository_id = %s ORDER BY name").format(COLLECTIONS),
                (repository_id,),
            ).fetchall()
            for (name,) in names:
                lock(database, name, document_id)
            return sum(_delete(database, name, document_id) for (name,) in names)

    def close(self) -> None:
        """Give the connection back; the next call makes another."""
        if self._connection:
            self._connection.close()
        self._connection = None

    @contextmanager
    def _database(self) -> Iterator[Connection]:
        """The connection of this process, opened again after the database closed it, for example at a failover."""
        try:
            yield self._alive() or self._open()
        except psycopg.OperationalError as error:
            _log.warning("the database does not respond: %s", error)
            raise UnavailableError(_UNAVAILABLE) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            # After a failover the connection may be one to a standby, which answers, but takes no documents.
            self.close()
            raise UnavailableError(_UNAVAILABLE) from error

    def _alive(self) -> Optional[Connection]:
        try:
            if self._connection:
                self._connection.execute("SELECT 1")
        except psycopg.OperationalError:
            self.close()
        return self._connection

    def _open(self) -> Connection:
        opened = self._connect()
        try:
            self._prepare(opened)
            found = opened.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
        except BaseException:
            opened.close()
            raise
        self._version = tuple(int(part) for part in found[0].split(".")[:2]) if found else ()
        self._connection = opened
        return opened

    def _prepare(self, opened: Connection) -> None:
        if self._is_prepared:
            if not is_prepared(opened):
                _log.error("the database has no schema %s of this version: deploy the rag stack again", SCHEMA)
                raise UnavailableError(_NOT_PREPARED)
            return
        try:
            prepare_schema(opened)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            _log.error("the database cannot be prepared: %s", error)
            raise UnavailableError(_NOT_PREPARED) from error

    def _tune(self, database: Connection, limit: int) -> None:
        """For this transaction: as many candidates as the limit needs, and a scan that goes on past deleted rows."""
        database.execute("SELECT set_config('statement_timeout', %s, true)", (str(_SEARCH_MILLISECONDS),))
        candidates = str(min(max(_CANDIDATES, 2 * limit), _MOST_CANDIDATES))
        database.execute("SELECT set_config('hnsw.ef_search', %s, true)", (candidates,))
        if self._version >= _ITERATIVE_SCAN:
            database.execute("SELECT set_config('hnsw.iterative_scan', 'strict_order', true)")


def _dimensions(database: Connection, collection: Collection) -> Optional[int]:
    found = database.execute(
        sql.SQL("SELECT dimensions FROM {} WHERE name = %s").format(COLLECTIONS), (_name(collection),)
    ).fetchone()
    return found[0] if found else None


def _make_collection(database: Connection, collection: Collection, first: Sequence[Chunk]) -> int:
    """Make the table while it is empty, when an index costs nothing; returns its dimension."""
    name, dimensions = _name(collection), len(first[0].vector)
    with database.transaction():
        lock(database, name)
        database.execute(
            sql.SQL("SELECT {}(%s, %s, %s, %s)").format(MAKE_COLLECTION),
            (name, collection.repository_id, collection.model_name, dimensions),
        )
        found = _dimensions(database, collection)
    assert found is not None  # noqa: S101  (just inserted, by this transaction or an earlier one)
    return found


def _copy(database: Connection, table: sql.Identifier, document: Document, batch: Sequence[Chunk]) -> None:
    statement = sql.SQL("COPY {} (document, position, page, content, embedding, groups) FROM STDIN").format(table)
    groups = list(document.groups) or None
    with database.cursor() as cursor, cursor.copy(statement) as rows:
        for chunk in batch:
            rows.write_row((document.id, chunk.position, chunk.page, chunk.text, _literal(chunk.vector), groups))


def _delete(database: Connection, name: str, document_id: str) -> int:
    """Delete a document from a collection; returns how many chunks it had."""
    database.execute(sql.SQL("DELETE FROM {} WHERE collection = %s AND id = %s").format(DOCUMENTS), (name, document_id))
    return database.execute(
        sql.SQL("DELETE FROM {} WHERE document = %s").format(sql.Identifier(SCHEMA, name)), (document_id,)
    ).rowcount


def _name(collection: Collection) -> str:
    return collection_name(collection.repository_id, collection.model_name, "_")


def _table(collection: Collection) -> sql.Identifier:
    return sql.Identifier(SCHEMA, _name(collection))


def _literal(vector: Sequence[float]) -> str:
    """A vector as pgvector writes it, which is as JSON does."""
    return json.dumps(list(vector))
