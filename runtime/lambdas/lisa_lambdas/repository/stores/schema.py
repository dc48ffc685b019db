"""The schema of repositories in a database: its tables, and the function that makes the table of a collection.

The function runs with the privileges of its owner, so that a user who stores documents needs none to make tables.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

import psycopg
from psycopg import sql

SCHEMA = "lisa_rag"
COLLECTIONS = sql.Identifier(SCHEMA, "collections")
DOCUMENTS = sql.Identifier(SCHEMA, "documents")
MAKE_COLLECTION = sql.Identifier(SCHEMA, "make_collection")

INDEXED_DIMENSIONS = 2000
"""The most dimensions that pgvector indexes in type vector; a search without an index is exact, and slower."""

_VERSION = 2
_LOCK_MILLISECONDS = 5000
"""How long a change of an existing table waits: searches wait behind it."""

Connection = psycopg.Connection[Tuple[Any, ...]]

_MAKE = (
    sql.SQL("CREATE EXTENSION IF NOT EXISTS vector"),
    sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, repository_id text NOT NULL, model_name text NOT NULL,"
        " dimensions integer NOT NULL, UNIQUE (repository_id, model_name))"
    ).format(COLLECTIONS),
    sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} (collection text NOT NULL REFERENCES {}, id text NOT NULL, source text NOT NULL,"
        " revision text NOT NULL, chunks integer NOT NULL, indexed_at timestamptz NOT NULL DEFAULT now(),"
        " PRIMARY KEY (id, collection))"
    ).format(DOCUMENTS, COLLECTIONS),
    # The names in it are complete, since it runs with its owner's privileges: pgvector may be in any schema.
    sql.SQL(
        """
        CREATE OR REPLACE FUNCTION {make}(its_name text, its_repository text, its_model text, its_dimensions integer)
        RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $make$
        DECLARE
            pgvector text := (SELECT nspname FROM pg_extension JOIN pg_namespace AS place ON place.oid = extnamespace
                              WHERE extname = 'vector');
        BEGIN
            IF its_name !~ '^[a-z0-9_]+$' THEN
                RAISE invalid_parameter_value USING MESSAGE = 'not the name of a collection';
            END IF;
            INSERT INTO {collections} (name, repository_id, model_name, dimensions)
            VALUES (its_name, its_repository, its_model, its_dimensions) ON CONFLICT (name) DO NOTHING;
            IF NOT FOUND THEN
                RETURN;
            END IF;
            EXECUTE format(
                'CREATE TABLE %I.%I (document text NOT NULL, position integer NOT NULL, page integer,'
                ' content text NOT NULL, embedding %I.vector(%s) NOT NULL, groups text[],'
                ' PRIMARY KEY (document, position))', {schema}, its_name, pgvector, its_dimensions);
            IF its_dimensions <= {indexed} THEN
                EXECUTE format('CREATE INDEX ON %I.%I USING hnsw (embedding %I.vector_cosine_ops)',
                               {schema}, its_name, pgvector);
            END IF;
        END
        $make$
        """
    ).format(
        make=MAKE_COLLECTION,
        collections=COLLECTIONS,
        schema=sql.Literal(SCHEMA),
        indexed=sql.Literal(INDEXED_DIMENSIONS),
    ),
    sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(MAKE_COLLECTION),
    sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(SCHEMA), sql.Literal(f"LISA {_VERSION}")),
)


def prepare_schema(database: Connection) -> None:
    """Make what is missing of the schema, and bring tables of earlier versions up to date; in one transaction.

    Raises:
        psycopg.Error: the user has not the privileges, the database does not have pgvector, or another user of a
            table keeps it locked for longer than some seconds.
    """
    with database.transaction():
        database.execute("SELECT set_config('lock_timeout', %s, true)", (str(_LOCK_MILLISECONDS),))
        # Two functions that make the same table at once would get in each other's way.
        lock(database, SCHEMA)
        if not is_prepared(database):
            for statement in _MAKE:
                database.execute(statement)
        _add_groups(database)


def is_prepared(database: Connection) -> bool:
    """Whether the database has the schema of this version, or of a later one."""
    found = database.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", (SCHEMA,)).fetchone()
    return _version(found[0] if found else None) >= _VERSION


def lock(database: Connection, *names: str) -> None:
    """Wait for other transactions that lock the same names; the lock ends with the transaction."""
    database.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", ("\n".join((SCHEMA, *names)),))


def _version(comment: Optional[str]) -> int:
    name, _, number = (comment or "").partition(" ")
    return int(number) if name == "LISA" and number.isdecimal() else 0


def _add_groups(database: Connection) -> None:
    """Add the column of groups to tables of an earlier version, whose documents are for all callers."""
    without = database.execute(
        sql.SQL(
            "SELECT name FROM {} WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attname = 'groups' AND attrelid ="
            " to_regclass(format('%%I.%%I', %s::text, name))) AND to_regclass(format('%%I.%%I', %s::text, name))"
            " IS NOT NULL ORDER BY name"
        ).format(COLLECTIONS),
        (SCHEMA, SCHEMA),
    ).fetchall()
    for (name,) in without:
        table = sql.Identifier(SCHEMA, name)
        database.execute(sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS groups text[]").format(table))
