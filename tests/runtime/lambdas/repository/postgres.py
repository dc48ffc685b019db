"""A real PostgreSQL with pgvector on this machine, the one that `lisa dev` runs, with connections of the tests' own."""

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
from lisa_lambdas.repository.stores.database import Database

USER, PASSWORD = "lisa", "first password"


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    server: database.Database

    @property
    def port(self) -> int:
        return self.server.port

    def make_database(self) -> str:
        """Make a database, and return its name."""
        name = f"d{uuid.uuid4().hex}"
        with self.administer("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def administer(self, name: str) -> psycopg.Connection[Any]:
        """A connection of the test's own."""
        return psycopg.connect(
            host=self.server.host, port=self.port, dbname=name, user=USER, password=PASSWORD, autocommit=True
        )

    def database(self, name: str, **others: Any) -> Database:
        """The database as the function reaches it, without encryption: these binaries have none."""
        given = {"user": USER, "password": lambda: PASSWORD, "encrypted": False, **others}
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
        yield Postgres(server)
