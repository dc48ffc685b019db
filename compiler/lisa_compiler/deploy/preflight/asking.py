"""Asking an account: a question that is refused is unknown, and says which permission it needs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from lisa_compiler.aws.account import code_of
from lisa_compiler.deploy.preflight.facts import Answer

if TYPE_CHECKING:
    from lisa_compiler.aws.account import Account

T = TypeVar("T")

_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "UnauthorizedOperation",
        "UnauthorizedAccess",
        "403",
    }
)


class Asker:
    """Asks an account, with the caller's own permissions.

    Attributes:
        account: whose.
        permissions: every permission that was needed, by the questions asked.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.permissions: set[str] = set()
        self._clients: dict[tuple[str, str], Any] = {}
        self._errors = importlib.import_module("botocore.exceptions")
        # A service that the region does not have is unknown after seconds, not after minutes.
        self._patience = importlib.import_module("botocore.config").Config(connect_timeout=5, read_timeout=30)

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of a service, in the deployment's region unless another one is named."""
        key = (service, region or self.account.region)
        if key not in self._clients:
            self._clients[key] = self.account.session.client(service, region_name=key[1], config=self._patience)
        return self._clients[key]

    def pages(self, service: str, operation: str, **parameters: Any) -> Any:
        """Every page of an operation's answer."""
        return self.client(service).get_paginator(operation).paginate(**parameters)

    def ask(self, permissions: str, question: Callable[[], T | None]) -> Answer[T]:
        """Answer a question, or say why it is unknown. The message of a refusal is left out: it names identities.

        Args:
            permissions: the IAM actions that it needs, separated by `, `.
            question: calls AWS.
        """
        self.permissions |= set(permissions.split(", "))
        try:
            return Answer[Any](value=question())
        except self._errors.ClientError as error:
            code = code_of(error)
            if code in _DENIED:
                return Answer[Any](unknown=f"requires the permission {permissions}")
            return Answer[Any](unknown=f"AWS answered {code} ({permissions})")
        except self._errors.BotoCoreError as error:
            return Answer[Any](unknown=f"AWS did not respond: {type(error).__name__} ({permissions})")

    def found(self, permissions: str, question: Callable[[], T], *absent: str) -> Answer[T]:
        """As `ask`, for something that may not exist; the value is then None.

        Args:
            permissions: the IAM actions.
            question: calls AWS.
            absent: error codes that say that it does not exist.
        """

        def answer() -> T | None:
            try:
                return question()
            except self._errors.ClientError as error:
                if code_of(error) in absent:
                    return None
                raise

        return self.ask(permissions, answer)
