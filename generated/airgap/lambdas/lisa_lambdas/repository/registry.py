"""The repositories of a deployment, and their stores."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Union

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import Annotated, Literal

from lisa_lambdas.errors import NotFoundError, UnavailableError
from lisa_lambdas.repository.environment import RegisteredRepository
from lisa_lambdas.repository.stores import Store


class _Connection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PgVectorConnection(_Connection):
    """How a PostgreSQL database is reached.

    Attributes:
        host: its address.
        port: its port.
        name: the database.
        user: the user.
        secret_id: Secrets Manager secret with the password.
    """

    type: Literal["pgvector"]
    host: str = Field(alias="dbHost")
    port: int = Field(alias="dbPort")
    name: str = Field(alias="dbName")
    user: str = Field(alias="username")
    secret_id: str = Field(alias="passwordSecretId")


class OpenSearchConnection(_Connection):
    """How an OpenSearch domain is reached.

    Attributes:
        endpoint: its host, with or without a scheme; https is meant.
    """

    type: Literal["opensearch"]
    endpoint: str


Connection = Annotated[Union[PgVectorConnection, OpenSearchConnection], Field(discriminator="type")]
_CONNECTION: TypeAdapter[Union[PgVectorConnection, OpenSearchConnection]] = TypeAdapter(Connection)


class Registry:
    """Repositories by id. A store is opened when it is first needed, and kept.

    Args:
        repositories: the repositories.
        ssm: client of Systems Manager.
        open_store: opens the store of a connection.
    """

    def __init__(
        self,
        repositories: List[RegisteredRepository],
        *,
        ssm: Any,
        open_store: Callable[[Union[PgVectorConnection, OpenSearchConnection]], Store],
    ) -> None:
        self._repositories = {repository.id: repository for repository in repositories}
        self._ssm = ssm
        self._open_store = open_store
        self._stores: Dict[str, Store] = {}

    def __iter__(self) -> Any:
        return iter(self._repositories.values())

    def find(self, repository_id: str) -> RegisteredRepository:
        """A repository.

        Raises:
            NotFoundError: there is none of this id.
        """
        if repository_id not in self._repositories:
            raise NotFoundError(f"There is no repository {repository_id}.")
        return self._repositories[repository_id]

    def store(self, repository: RegisteredRepository) -> Store:
        """The store of a repository.

        Raises:
            UnavailableError: its connection cannot be read.
        """
        if repository.id not in self._stores:
            self._stores[repository.id] = self._open_store(self._connection(repository))
        return self._stores[repository.id]

    def _connection(self, repository: RegisteredRepository) -> Union[PgVectorConnection, OpenSearchConnection]:
        try:
            value = self._ssm.get_parameter(Name=repository.connection)["Parameter"]["Value"]
            return _CONNECTION.validate_json(value)
        except (BotoCoreError, ClientError, ValidationError) as error:
            raise UnavailableError(f"The connection of repository {repository.id} cannot be read.") from error
