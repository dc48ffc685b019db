"""Connections to a repository's database, with the password of its secret."""

from __future__ import annotations

import json
import logging
from typing import Any, Callable, Optional, Tuple

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from lisa_lambdas.errors import UnavailableError

_log = logging.getLogger(__name__)
_CONNECT_SECONDS = 10


class Database:
    """Makes connections.

    Args:
        host: its address.
        port: its port.
        name: the database.
        user: the user.
        password: reads the password; it is called again when the server refuses the one that was read before.
        ca_file: authorities whose certificates the server may show, checked with its name; empty to encrypt without
            a check of who answers.
        encrypted: whether the connection must be; only tests and local development go without.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        name: str,
        user: str,
        password: Callable[[], str],
        ca_file: str = "",
        encrypted: bool = True,
    ) -> None:
        tls = {"sslmode": "require" if encrypted else "disable"}
        if encrypted and ca_file:
            tls = {"sslmode": "verify-full", "sslrootcert": ca_file}
        self._parameters = {"host": host, "port": port, "dbname": name, "user": user, **tls}
        self._read_password = password
        self._password: Optional[str] = None

    def connect(self) -> psycopg.Connection[Tuple[Any, ...]]:
        """Connect, in autocommit mode.

        Raises:
            UnavailableError: the database cannot be reached, or refuses the password in its secret.
        """
        if self._password is not None:
            try:
                return self._open(self._password)
            except psycopg.OperationalError:
                # The password may have been rotated; libpq has no code for it, so any failure is worth a second look.
                _log.info("the database rejected the connection; reading its secret again")
        self._password = self._read_password()
        try:
            return self._open(self._password)
        except psycopg.OperationalError as error:
            self._password = None
            _log.warning("the database is unreachable: %s", error)
            raise UnavailableError("The database of the RAG repository is unreachable; try again later.") from error

    def _open(self, password: str) -> psycopg.Connection[Tuple[Any, ...]]:
        return psycopg.connect(
            **self._parameters,  # type: ignore[arg-type]
            password=password,
            connect_timeout=_CONNECT_SECONDS,
            application_name="lisa-rag",
            autocommit=True,
        )


def read_secret_password(secrets: Any, secret_id: str) -> str:
    """The password in a secret: the key `password` of a JSON object, as RDS writes it, else the whole text.

    Raises:
        UnavailableError: Secrets Manager does not give it, or it has no password.
    """
    try:
        text: str = secrets.get_secret_value(SecretId=secret_id)["SecretString"]
    except (BotoCoreError, ClientError, KeyError) as error:
        raise UnavailableError(
            "The password of the RAG repository's database cannot be read. Try again later."
        ) from error
    try:
        content = json.loads(text)
    except ValueError:
        return text
    if not isinstance(content, dict):
        return text
    if not isinstance(content.get("password"), str):
        raise UnavailableError(
            "The secret of the RAG repository's database does not contain a password; correct the secret."
        )
    return str(content["password"])
