"""What the function's user may do in a real PostgreSQL: read, add and delete in one schema, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from lisa_lambdas.database.users import IAM_ROLE, OWNER, UserError, prepare_user
from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.identifiers import collection_name
from lisa_lambdas.repository.stores import Chunk, Collection, Document
from lisa_lambdas.repository.stores.pgvector import PgVectorStore
from lisa_lambdas.repository.stores.schema import prepare_schema
from runtime.lambdas.repository.postgres import ADMINISTRATOR, FUNCTION_USER, PASSWORD, Postgres

COLLECTION = Collection("docs", "model")
DOCUMENT = Document("d", "s3://documents/ann/a.txt", "first")
CHUNKS = [[Chunk(0, "chunk", (1.0, 0.0))]]
IAM_USER = "iam_user"

EARLIER = (
    "CREATE SCHEMA IF NOT EXISTS lisa_rag",
    "CREATE TABLE IF NOT EXISTS lisa_rag.collections (name text PRIMARY KEY, repository_id text NOT NULL,"
    " model_name text NOT NULL, dimensions integer NOT NULL, UNIQUE (repository_id, model_name))",
    "CREATE TABLE IF NOT EXISTS lisa_rag.documents (collection text NOT NULL REFERENCES lisa_rag.collections,"
    " id text NOT NULL, source text NOT NULL, revision text NOT NULL, chunks integer NOT NULL,"
    " indexed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, collection))",
)
"""What earlier versions did with each connection, as the user that is the administrator now."""


@pytest.fixture
def name(database_server: Postgres) -> str:
    return database_server.make_database(prepared=False)


@pytest.fixture
def administrator(database_server: Postgres, name: str) -> Iterator[psycopg.Connection[Any]]:
    with database_server.administer(name, ADMINISTRATOR) as connection:
        yield connection


@pytest.fixture
def user(database_server: Postgres, name: str, administrator: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A connection of the function's user, to a database with a document and with a table of another application."""
    administrator.execute("CREATE SCHEMA payroll")
    administrator.execute("CREATE TABLE payroll.salaries (name text)")
    administrator.execute("CREATE TABLE public.customers (name text)")
    prepare(administrator)
    store(database_server, name).replace(COLLECTION, DOCUMENT, CHUNKS)
    return database_server.database(name).connect()


def prepare(administrator: psycopg.Connection[Any]) -> None:
    prepare_schema(administrator)
    prepare_user(administrator, FUNCTION_USER, password=PASSWORD)


def store(server: Postgres, name: str, user: str = FUNCTION_USER) -> PgVectorStore:
    return PgVectorStore(server.database(name, user=user).connect, is_prepared=user == FUNCTION_USER)


def table(connection: psycopg.Connection[Any]) -> str:
    found = connection.execute("SELECT name FROM lisa_rag.collections").fetchone()
    assert found is not None
    return str(found[0])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM payroll.salaries",
        "SELECT * FROM public.customers",
        "SELECT * FROM pg_authid",
        "SELECT pg_read_file('PG_VERSION')",
        "CREATE TABLE payroll.own (a integer)",
        "CREATE TABLE public.own (a integer)",
        "CREATE TABLE lisa_rag.own (a integer)",
        "CREATE SCHEMA own",
        "CREATE ROLE own",
        "CREATE DATABASE own",
        "CREATE EXTENSION vector",
        "CREATE FUNCTION lisa_rag.own() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DROP SCHEMA lisa_rag CASCADE",
        "DROP TABLE lisa_rag.documents",
        "DROP TABLE lisa_rag.{table}",
        "DROP EXTENSION vector CASCADE",
        "DROP FUNCTION lisa_rag.make_collection",
        "ALTER TABLE lisa_rag.{table} ADD COLUMN own text",
        "ALTER TABLE lisa_rag.{table} OWNER TO CURRENT_USER",
        "TRUNCATE lisa_rag.{table}",
        "UPDATE lisa_rag.documents SET source = 's3://other/file'",
        "UPDATE lisa_rag.{table} SET groups = NULL",
        "DELETE FROM lisa_rag.collections",
        "INSERT INTO lisa_rag.collections VALUES ('own', 'docs', 'other', 2)",
        f"SET ROLE {OWNER}",
        f"GRANT {OWNER} TO CURRENT_USER",
        f"SET ROLE {ADMINISTRATOR}",
        "COPY lisa_rag.documents TO PROGRAM 'cat'",
    ],
)
def test_user_may_not(user: psycopg.Connection[Any], database_server: Postgres, name: str, statement: str) -> None:
    named = statement.format(table=table(user))
    if statement == "CREATE EXTENSION vector":
        with database_server.administer(name) as superuser:
            superuser.execute("DROP EXTENSION vector CASCADE")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        user.execute(named.encode())


def test_what_makes_tables_makes_no_others(user: psycopg.Connection[Any]) -> None:
    make = "SELECT lisa_rag.make_collection(%s, 'docs', 'other', %s)"
    for name in ("documents", "collections", 'x" (a text); DROP TABLE lisa_rag.documents; --', "A", ""):
        with pytest.raises(psycopg.Error):
            user.execute(make, (name, 2))
    with pytest.raises(psycopg.Error):
        user.execute(make, ("own", 0))
    assert user.execute("SELECT count(*) FROM lisa_rag.collections").fetchone() == (1,)
    # Its own schema of temporary tables comes last, and cannot replace what the function uses.
    user.execute("CREATE TEMPORARY TABLE pg_extension (extname text, extnamespace oid)")
    user.execute(make, ("own", 2))
    assert user.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'own'").fetchone() == (OWNER,)


def test_tables_made_later_are_the_owners_and_the_users_to_use(
    user: psycopg.Connection[Any], database_server: Postgres, name: str
) -> None:
    opened = store(database_server, name)
    other = Collection("docs", "another model")
    opened.replace(other, DOCUMENT, CHUNKS)
    assert len(opened.search(other, (1.0, 0.0), 3)) == 1
    assert opened.purge("docs", "d") == 2
    owners = {row[0] for row in user.execute("SELECT tableowner FROM pg_tables WHERE schemaname = 'lisa_rag'")}
    assert owners == {OWNER}


def earlier_version(administrator: psycopg.Connection[Any]) -> None:
    for statement in EARLIER:
        administrator.execute(statement.encode())


def earlier_collection(administrator: psycopg.Connection[Any], model: str) -> None:
    """A collection as earlier versions made it, one of them without the column of groups."""
    named = Collection("docs", model)
    with_groups = ", groups text[]" if model != "model" else ""
    table_name = collection_name(named.repository_id, named.model_name, "_")
    administrator.execute(
        f"CREATE TABLE lisa_rag.{table_name} (document text NOT NULL, position integer NOT NULL, page integer,"
        f" content text NOT NULL, embedding vector(2) NOT NULL{with_groups}, PRIMARY KEY (document, position))".encode()
    )
    values = (table_name, named.repository_id, model)
    administrator.execute("INSERT INTO lisa_rag.collections VALUES (%s, %s, %s, 2)", values)
    administrator.execute(
        "INSERT INTO lisa_rag.documents (collection, id, source, revision, chunks)"
        " VALUES (%s, 'old', 's3://d/o', '1', 1)",
        (table_name,),
    )
    administrator.execute(
        f"INSERT INTO lisa_rag.{table_name} (document, position, content, embedding) VALUES"
        f" ('old', 0, 'old', '[1,0]')".encode()
    )


def test_database_of_an_earlier_version_is_taken_over_and_can_be_given_back(
    administrator: psycopg.Connection[Any], database_server: Postgres, name: str
) -> None:
    earlier_version(administrator)
    earlier_collection(administrator, "model")
    prepare(administrator)
    opened = store(database_server, name)
    assert [hit.text for hit in opened.search(COLLECTION, (1.0, 0.0), 3)] == ["old"]
    opened.replace(COLLECTION, Document("new", "s3://d/n", "1", ("law",)), CHUNKS)
    # The deployment is rolled back, and the earlier version works as the administrator again.
    earlier_version(administrator)
    earlier_collection(administrator, "second")
    for (found,) in administrator.execute("SELECT name FROM lisa_rag.collections").fetchall():
        administrator.execute(f"SELECT * FROM lisa_rag.{found}".encode())
        administrator.execute(f"DELETE FROM lisa_rag.{found} WHERE document = 'none'".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        opened.search(Collection("docs", "second"), (1.0, 0.0), 3)
    prepare(administrator)
    assert len(opened.search(Collection("docs", "second"), (1.0, 0.0), 3)) == 1
    assert len(opened.search(COLLECTION, (1.0, 0.0), 3, ["law"])) == 2


def test_preparing_again_waits_for_nobody(
    user: psycopg.Connection[Any], administrator: psycopg.Connection[Any]
) -> None:
    """Deployments do not stop because a document is being ingested."""
    with user.transaction():
        user.execute("DELETE FROM lisa_rag.documents WHERE id = 'none'")
        user.execute(f"DELETE FROM lisa_rag.{table(user)} WHERE document = 'none'".encode())
        prepare(administrator)


def test_password_is_changed_by_preparing_again_and_is_not_in_the_statement(
    administrator: psycopg.Connection[Any], database_server: Postgres, name: str
) -> None:
    prepare_schema(administrator)
    sent: list[str] = []
    with database_server.administer(name) as superuser:
        superuser.execute(f"ALTER ROLE {ADMINISTRATOR} SET log_statement = 'ddl'")
    for password in ("one ' \\ %s", "two"):
        prepare_user(administrator, "changed", password=password)
        given = {"user": "changed", "password": lambda password=password: password}
        database_server.database(name, **given).connect().close()
    with database_server.administer(name) as superuser:
        rows = superuser.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'changed'").fetchall()
        sent += [row[0] for row in rows]
    assert len(sent) == 1
    assert sent[0].startswith("SCRAM-SHA-256$")


def test_iam_user_signs_in_with_tokens_and_the_administrator_does_not_have_to(
    administrator: psycopg.Connection[Any], database_server: Postgres, name: str
) -> None:
    prepare_schema(administrator)
    for _ in range(2):
        prepare_user(administrator, IAM_USER, password=None)
    is_member = "SELECT pg_has_role(%s, %s, 'MEMBER')"
    with database_server.administer(name) as superuser:
        assert superuser.execute(is_member, (IAM_USER, IAM_ROLE)).fetchone() == (True,)
        # RDS asks members of rds_iam, also indirect ones, for tokens; an administrator has a password.
        assert superuser.execute(is_member, (ADMINISTRATOR, IAM_USER)).fetchone() == (False,)
        assert superuser.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (IAM_USER,)).fetchone() == (
            None,
        )
        assert superuser.execute("SELECT to_regrole('lisa_rag_maker')").fetchone() == (None,)


@pytest.mark.parametrize("password", [None, PASSWORD])
@pytest.mark.parametrize(
    "privilege",
    [
        "ALTER ROLE {0} CREATEDB",
        "GRANT pg_read_all_data TO {0}",
        "CREATE TABLE payroll (); ALTER TABLE payroll OWNER TO {0}",
    ],
)
def test_role_with_other_privileges_is_refused(
    administrator: psycopg.Connection[Any],
    database_server: Postgres,
    name: str,
    privilege: str,
    password: str | None,
) -> None:
    prepare_schema(administrator)
    role = f"r{uuid.uuid4().hex}"
    allowed = "SELECT has_schema_privilege(%s, 'lisa_rag', 'USAGE')"
    with database_server.administer(name) as superuser:
        made = f"CREATE ROLE {role} LOGIN; {privilege.format(role)}; GRANT {role} TO {ADMINISTRATOR} WITH ADMIN OPTION"
        superuser.execute(made.encode())
        before = superuser.execute(allowed, (role,)).fetchone()
        with pytest.raises(UserError, match="more privileges"):
            prepare_user(administrator, role, password=password)
        assert superuser.execute(allowed, (role,)).fetchone() == before


def test_database_without_iam_is_refused(
    administrator: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lisa_lambdas.database.users.IAM_ROLE", "rds_iam_of_another_server")
    prepare_schema(administrator)
    with pytest.raises(UserError, match="functionUser to password"):
        prepare_user(administrator, IAM_USER, password=None)


def test_database_that_is_not_prepared_is_unavailable(database_server: Postgres, name: str) -> None:
    with pytest.raises(UnavailableError, match="not prepared"):
        store(database_server, name).find(COLLECTION, "d")
