"""What is done with one database: its schema, then its user."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import Literal

from lisa_lambdas.database.users import UserError, prepare_user
from lisa_lambdas.repository.stores.authorities import joined
from lisa_lambdas.repository.stores.database import Database, read_secret_password
from lisa_lambdas.repository.stores.schema import prepare_schema

PreparationError = UserError


class AdministratedDatabase(BaseModel):
    """A database, with the administrator who prepares it and the user who is made.

    Attributes:
        host: its address.
        port: its port.
        name: the database.
        administrator: name of the administrator.
        administrator_secret: Secrets Manager secret with the administrator's password.
        user: name of the user that the repository function signs in as.
        function_user: how it signs in: with a token of IAM, or with a password.
        user_secret: secret with its password; empty for `iam`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(alias="dbHost")
    port: int = Field(alias="dbPort")
    name: str = Field(alias="dbName")
    administrator: str
    administrator_secret: str = Field(alias="administratorSecretId")
    user: str = Field(alias="username", min_length=1, max_length=63)
    function_user: Literal["iam", "password"] = Field(alias="functionUser")
    user_secret: str = Field(default="", alias="passwordSecretId")


class Authorities(Protocol):
    """What is known of whom to trust.

    Attributes:
        database_ca_file: see DatabaseEnvironment.
        aws_ca_bundle: likewise.
        database_encrypted: likewise.
    """

    @property
    def database_ca_file(self) -> str: ...

    @property
    def aws_ca_bundle(self) -> str: ...

    @property
    def database_encrypted(self) -> bool: ...


def prepare(database: AdministratedDatabase, *, session: Any, environment: Authorities) -> None:
    """Prepare a database; what it has already is left as it is.

    Args:
        database: the database.
        session: a boto3 session that may read the secrets.
        environment: whose certificates are accepted.

    Raises:
        UnavailableError: the database or a secret cannot be reached.
        PreparationError: the database cannot have the user.
        psycopg.Error: the administrator may not do it, or a table is locked.
    """
    secrets = session.client("secretsmanager")
    opened = Database(
        host=database.host,
        port=database.port,
        name=database.name,
        user=database.administrator,
        password=lambda: read_secret_password(secrets, database.administrator_secret),
        ca_file=joined(environment.database_ca_file, environment.aws_ca_bundle),
        encrypted=environment.database_encrypted,
    ).connect()
    with opened:
        prepare_schema(opened)
        password = None
        if database.function_user == "password":
            password = read_secret_password(secrets, database.user_secret)
        prepare_user(opened, database.user, password=password)
