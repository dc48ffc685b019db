"""Connections to a repository's database, with the password of its secret or with a token of IAM."""

from __future__ import annotations

import json
import logging
from typing import Any, Callable, Optional, Tuple

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from lisa_lambdas.errors import UnavailableError

_log = logging.getLogger(__name__)
_CONNECT_SECONDS = 10
_IDLE_IN_TRANSACTION_MILLISECONDS = 900_000
"""After this, no function can still be at work: Lambda ends it after 15 minutes. Its locks must not outlive it."""
# A server that is gone without a word, as at a failover, is noticed after half a minute, not a quarter of an hour.
_LIVENESS = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}


class Database:
    """Makes connections.

    Args:
        host: its address.
        port: its port.
        name: the database.
        user: the user.
        password: gives what the server asks for.
        keeps_password: whether a password is used again until the server refuses it, which takes one request to Secrets
            Manager less; a token of IAM is not, because it expires after 15 minutes.
        ca_file: authorities whose certificates the server may show, checked with its name.
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
        keeps_password: bool = True,
        ca_file: str = "",
        encrypted: bool = True,
    ) -> None:
        tls = {"sslmode": "verify-full", "sslrootcert": ca_file} if encrypted else {"sslmode": "disable"}
        self._is_verifiable = bool(ca_file) or not encrypted
        self._parameters = {"host": host, "port": port, "dbname": name, "user": user, **tls, **_LIVENESS}
        self._read_password = password
        self._keeps_password = keeps_password
        self._password: Optional[str] = None

    def connect(self) -> psycopg.Connection[Tuple[Any, ...]]:
        """Connect, in autocommit mode.

        Raises:
            UnavailableError: the database cannot be reached, refuses the user, or is not known to be the right one.
        """
        if not self._is_verifiable:
            # libpq would accept any certificate, or look for a file in the home directory.
            _log.error("no certificate authorities of the database are configured: set databaseAuthorityBundle")
            raise _unreachable()
        if self._password is not None:
            try:
                return self._open(self._password)
            except psycopg.OperationalError:
                # The password may have been rotated; libpq has no code for it, so any failure is worth a second look.
                _log.info("the database rejected the connection; reading its secret again")
        password = self._read_password()
        try:
            opened = self._open(password)
        except psycopg.OperationalError as error:
            self._password = None
            _log.warning("the database is unreachable: %s", error)
            raise _unreachable() from error
        self._password = password if self._keeps_password else None
        return opened

    def _open(self, password: str) -> psycopg.Connection[Tuple[Any, ...]]:
        opened = psycopg.connect(
            **self._parameters,  # type: ignore[arg-type]
            password=password,
            connect_timeout=_CONNECT_SECONDS,
            # After a failover, the old primary may still answer, as a standby.
            target_session_attrs="read-write",
            application_name="lisa-rag",
            autocommit=True,
        )
        # Not an option of the connection, which RDS Proxy rejects.
        opened.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false)",
            (str(_IDLE_IN_TRANSACTION_MILLISECONDS),),
        )
        return opened


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


def sign_token(session: Any, *, host: str, port: int, user: str) -> str:
    """A token of IAM database authentication for a user, valid for 15 minutes; signing it takes no request.

    Raises:
        UnavailableError: there are no credentials to sign it with.
    """
    try:
        token: str = session.client("rds").generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
    except (BotoCoreError, ClientError) as error:
        _log.error("no token for the database can be signed: %s", error)
        raise _unreachable() from error
    return token


def _unreachable() -> UnavailableError:
    return UnavailableError("The database of the RAG repository is unreachable; try again later.")
