"""Asking an account: a question that is refused is unknown, and says which permission it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import translate_aws_errors
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


class AccountReader:
    """Asks an account, with the caller's own permissions.

    Attributes:
        account: whose.
        permissions: every permission that was needed, by the questions asked.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.permissions: set[str] = set()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of a service, in the deployment's region unless another one is named."""
        key = (service, region or self.account.region)
        if key not in self._clients:
            self._clients[key] = self.account.brief_client(*key)
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
            with translate_aws_errors(permissions):
                return Answer[Any](value=question())
        except RequestError as error:
            if error.code in _DENIED:
                return Answer[Any](unknown=f"requires the permission {permissions}")
            if error.code:
                return Answer[Any](unknown=f"AWS answered {error.code} ({permissions})")
            return Answer[Any](unknown=f"AWS did not respond: {error.reason} ({permissions})")

    def found(self, permissions: str, question: Callable[[], T], *absent: str) -> Answer[T]:
        """As `ask`, for something that may not exist; the value is then None.

        Args:
            permissions: the IAM actions.
            question: calls AWS.
            absent: error codes that say that it does not exist.
        """

        def answer() -> T | None:
            try:
                with translate_aws_errors(permissions):
                    return question()
            except RequestError as error:
                if error.code in absent:
                    return None
                raise

        return self.ask(permissions, answer)
