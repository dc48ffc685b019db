"""The repositories of a deployment, and their stores."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Tuple, Union

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from typing_extensions import Annotated, Literal

from lisa_lambdas.errors import ApiError, UnavailableError
from lisa_lambdas.parameters import Parameters
from lisa_lambdas.repository.access import unknown_repository
from lisa_lambdas.repository.stores import Store
from lisa_lambdas.rest import validation_message

_log = logging.getLogger(__name__)

_LIST_SECONDS = 60.0
_UNKNOWN_SECONDS = 1.0
"""A caller who asks for ids that do not exist must not exhaust Parameter Store's rate for the others."""


class _Connection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PgVectorConnection(_Connection):
    """How a PostgreSQL database is reached.

    Attributes:
        host: its address.
        port: its port.
        name: the database.
        user: the user.
        function_user: how the user is known: `iam` and `password` are users that the database function made, and
            that have a token of IAM or a password; `configured` is one that the configuration names.
        secret_id: Secrets Manager secret with the password; empty for `iam`.
    """

    type: Literal["pgvector"]
    host: str = Field(alias="dbHost")
    port: int = Field(alias="dbPort")
    name: str = Field(alias="dbName")
    user: str = Field(alias="username")
    function_user: Literal["iam", "password", "configured"] = Field(default="configured", alias="functionUser")
    secret_id: str = Field(default="", alias="passwordSecretId")

    @model_validator(mode="after")
    def _has_secret(self) -> PgVectorConnection:
        if self.function_user != "iam" and not self.secret_id:
            raise ValueError("passwordSecretId is missing")
        return self


class OpenSearchConnection(_Connection):
    """How an OpenSearch domain is reached.

    Attributes:
        endpoint: its host, with or without a scheme; https is meant.
    """

    type: Literal["opensearch"]
    endpoint: str


Connection = Annotated[Union[PgVectorConnection, OpenSearchConnection], Field(discriminator="type")]
_CONNECTION: TypeAdapter[Union[PgVectorConnection, OpenSearchConnection]] = TypeAdapter(Connection)


@dataclass(frozen=True)
class RegisteredRepository:
    """A repository of the configuration.

    Attributes:
        id: its id, the last part of its parameter's name.
        connection: how its store is reached.
    """

    id: str
    connection: Union[PgVectorConnection, OpenSearchConnection]

    @property
    def type(self) -> str:
        """The kind of its store."""
        return self.connection.type


class Registry:
    """Repositories by id. A store is opened when it is first needed, and kept while its connection is the same.

    A warm function outlives deployments: the repositories are read again after a minute, and when an id is unknown.

    Args:
        parameters: Parameter Store.
        path: the path below which each repository has its parameter.
        open_store: opens the store of a connection.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        parameters: Parameters,
        path: str,
        *,
        open_store: Callable[[Union[PgVectorConnection, OpenSearchConnection]], Store],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parameters = parameters
        self._path = path
        self._open_store = open_store
        self._clock = clock
        self._read_at = -math.inf
        # None for a repository whose parameter is not a connection.
        self._repositories: Dict[str, Optional[RegisteredRepository]] = {}
        self._stores: Dict[str, Tuple[RegisteredRepository, Store]] = {}

    def all(self) -> List[RegisteredRepository]:
        """The repositories whose parameters are connections, by id.

        Raises:
            TooManyRequestsError: Parameter Store throttles.
            UnavailableError: it fails.
        """
        known = sorted(self._read(_LIST_SECONDS).items())
        return [repository for _, repository in known if repository is not None]

    def find(self, repository_id: str) -> RegisteredRepository:
        """A repository.

        Raises:
            NotFoundError: there is none of this id.
            TooManyRequestsError: Parameter Store throttles, and the repository is unknown.
            UnavailableError: Parameter Store fails, and the repository is unknown. Or its parameter is no connection.
        """
        try:
            known = self._read(_LIST_SECONDS)
        except ApiError:
            # Without Parameter Store a known repository works as before.
            if repository_id not in self._repositories:
                raise
            known = self._repositories
        if repository_id not in known:
            known = self._read(_UNKNOWN_SECONDS)
        if repository_id not in known:
            raise unknown_repository(repository_id)
        found = known[repository_id]
        if found is None:
            raise UnavailableError(
                f"The parameter of RAG repository {repository_id} is invalid. "
                "Ask an administrator to deploy the stack of the repositories again."
            )
        return found

    def store(self, repository: RegisteredRepository) -> Store:
        """The store of a repository."""
        opened, store = self._stores.get(repository.id, (None, None))
        if store is None or opened != repository:
            store = self._open_store(repository.connection)
            self._stores[repository.id] = (repository, store)
        return store

    def _read(self, seconds: float) -> Dict[str, Optional[RegisteredRepository]]:
        """The repositories as they were at most some seconds ago."""
        if self._clock() - self._read_at >= seconds:
            texts = self._parameters.texts(self._path)
            self._repositories = {key: self._registered(key, text) for key, text in texts.items() if "/" not in key}
            self._read_at = self._clock()
        return self._repositories

    def _registered(self, repository_id: str, text: str) -> Optional[RegisteredRepository]:
        try:
            return RegisteredRepository(repository_id, _CONNECTION.validate_json(text))
        except ValidationError as error:
            problem = validation_message(error, repository_id)
            _log.warning("the parameter %s/%s is invalid: %s", self._path, repository_id, problem)
            return None
