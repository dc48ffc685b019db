"""A real PostgreSQL with pgvector on this machine, the one that `lisa dev` runs, with users as RDS has them.

`USER` is the superuser, which nobody is on RDS. `ADMINISTRATOR` has what the master user of RDS has, except that it
cannot make the extension, since pgvector is not trusted outside RDS. `FUNCTION_USER` is whom the function signs in as.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from lisa_compiler.dev import database
from lisa_compiler.dev.packages import MissingPackageError
from lisa_compiler.dev.processes import Processes
from lisa_lambdas.database.users import prepare_user
from lisa_lambdas.repository.stores.database import Database
from lisa_lambdas.repository.stores.schema import prepare_schema

USER, PASSWORD = "lisa", "first password"
ADMINISTRATOR, FUNCTION_USER = "master", "function_user"


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    server: database.Database

    @property
    def port(self) -> int:
        return self.server.port

    def make_database(self, *, prepared: bool = True) -> str:
        """Make a database, and return its name; it has the schema, and the user of the function, if it is prepared."""
        name = f"d{uuid.uuid4().hex}"
        with self.administer("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {ADMINISTRATOR}")
        with self.administer(name) as connection:
            connection.execute("CREATE EXTENSION vector")
        if prepared:
            with self.administer(name, ADMINISTRATOR) as connection:
                prepare_schema(connection)
                prepare_user(connection, FUNCTION_USER, password=PASSWORD)
        return name

    def administer(self, name: str, user: str = USER) -> psycopg.Connection[Any]:
        """A connection of the test's own."""
        return psycopg.connect(
            host=self.server.host, port=self.port, dbname=name, user=user, password=PASSWORD, autocommit=True
        )

    def database(self, name: str, **others: Any) -> Database:
        """The database as the function reaches it, without encryption: these binaries have none."""
        given = {"user": FUNCTION_USER, "password": lambda: PASSWORD, "encrypted": False, **others}
        return Database(host=self.server.host, port=self.port, name=name, **given)


def missing() -> str | None:
    """Why there is no PostgreSQL to run; None when there is one."""
    try:
        database.binaries()
    except MissingPackageError as error:
        return str(error)
    return None


@contextmanager
def running() -> Iterator[Postgres]:
    """A server with an empty cluster, gone afterwards."""
    with Processes() as processes:
        server, program = database.plan(processes.folder(), user=USER, password=PASSWORD)
        processes.start(program)
        postgres = Postgres(server)
        with postgres.administer("postgres") as connection:
            connection.execute(f"CREATE ROLE {ADMINISTRATOR} LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'")
            connection.execute("CREATE ROLE rds_iam")
            connection.execute(f"GRANT rds_iam TO {ADMINISTRATOR} WITH ADMIN OPTION, INHERIT FALSE")
        yield postgres
