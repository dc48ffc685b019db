"""Which RAG repositories and documents a caller may use, by groups: `accessConfig`, as the stack publishes it."""

from __future__ import annotations

import logging
import time
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from pydantic import BaseModel, ConfigDict, ValidationError

from lisa_lambdas.caller import Caller
from lisa_lambdas.errors import ApiError, BadRequestError, NotFoundError, UnavailableError
from lisa_lambdas.parameters import Parameters

_log = logging.getLogger(__name__)

_ALL = "*"
_FRESH_SECONDS = 60.0


class _Document(BaseModel):
    """Repositories of each group, and of callers in none of them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    groups: Mapping[str, Tuple[str, ...]]
    everyone: Tuple[str, ...]


class RepositoryAccess:
    """Reads the parameter at a request, and keeps it for a minute.

    Args:
        parameters: Parameter Store.
        name: name of the parameter; empty when all callers may use all repositories.
        clock: seconds that only grow.
    """

    def __init__(self, parameters: Parameters, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._parameters = parameters
        self._name = name
        self._clock = clock
        self._document: Optional[_Document] = None
        self._read_at = 0.0

    def permits(self, caller: Caller, repository_id: str) -> bool:
        """Whether a caller may use a repository.

        Raises:
            TooManyRequestsError: Parameter Store throttles.
            UnavailableError: the access cannot be read, and has not been before.
        """
        document = self._read()
        if document is None:
            return True
        listed = [document.groups[group] for group in caller.groups if group in document.groups]
        permitted = {name for names in listed or [document.everyone] for name in names}
        return _ALL in permitted or repository_id in permitted

    def must_permit(self, caller: Caller, repository_id: str) -> None:
        """Check that a caller may use a repository.

        Raises:
            NotFoundError: the caller may not: whether there is such a repository is not for the caller to know.
        """
        if not self.permits(caller, repository_id):
            raise unknown_repository(repository_id)

    def groups_of(self, caller: Caller) -> List[str]:
        """The caller's groups, whose documents the caller may find: of those that `accessConfig` lists, if any."""
        document = self._read()
        listed = document.groups if document is not None else {}
        return sorted(group for group in set(caller.groups) if group in listed or not listed)

    def check_groups(self, groups: Sequence[str]) -> List[str]:
        """The groups of a document, sorted.

        Raises:
            BadRequestError: the access does not list one of them.
        """
        if not groups:
            return []
        document = self._read()
        if document is None or not document.groups:
            raise BadRequestError("body.groups: documents cannot be limited to groups: accessConfig lists none.")
        for group in groups:
            if group not in document.groups:
                listed = ", ".join(sorted(document.groups))
                raise BadRequestError(f"body.groups: unknown group {group}. Use groups of accessConfig: {listed}.")
        return sorted(set(groups))

    def _read(self) -> Optional[_Document]:
        if not self._name:
            return None
        now = self._clock()
        if self._document is None or now - self._read_at >= _FRESH_SECONDS:
            try:
                self._document = _Document.model_validate(self._parameters.one(self._name))
                self._read_at = now
            except ValidationError as error:
                _log.warning("the parameter %s is invalid: %s", self._name, error.errors(include_input=False)[0]["msg"])
                raise UnavailableError(
                    "Access to RAG repositories cannot be read. Ask an administrator to deploy their stack again."
                ) from None
            except ApiError:
                # Without Parameter Store the access that was read holds on.
                if self._document is None:
                    raise
        return self._document


def unknown_repository(repository_id: str) -> NotFoundError:
    """The error for a repository that does not exist, or not for the caller."""
    return NotFoundError(f"Unknown RAG repository {repository_id}.")
