"""Who calls, as the authorizer says in the request's context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from lisa_lambdas.errors import ForbiddenError, UnauthorizedError


@dataclass(frozen=True)
class Caller:
    """The person or program that a verified token speaks for.

    Attributes:
        subject: the identity provider's unchanging name; what things are kept under.
        username: a name for people to read, which may change.
        is_admin: whether the caller is in the group of administrators.
    """

    subject: str
    username: str
    is_admin: bool

    def must_be_admin(self) -> None:
        """Refuse everyone else.

        Raises:
            ForbiddenError: the caller is not an administrator.
        """
        if not self.is_admin:
            raise ForbiddenError("This operation requires administrator access.")


def caller_of(event: Mapping[str, Any]) -> Caller:
    """Read the caller of a proxy event (API Gateway Developer Guide, "Output from a Lambda authorizer").

    Raises:
        UnauthorizedError: the event names none, as one that did not come through the authorizer.
    """
    context = event.get("requestContext")
    found = context.get("authorizer") if isinstance(context, Mapping) else None
    values = found if isinstance(found, Mapping) else {}
    subject, username = values.get("principalId"), values.get("username")
    if not isinstance(subject, str) or not subject:
        raise UnauthorizedError("The request does not identify the caller.")
    return Caller(
        subject=subject,
        username=username if isinstance(username, str) and username else subject,
        # API Gateway turns every value of the context into a text.
        is_admin=str(values.get("isAdmin", "")).lower() == "true",
    )
