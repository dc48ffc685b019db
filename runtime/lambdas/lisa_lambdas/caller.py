"""Who calls, as the authorizer says in the request's context."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from lisa_lambdas.errors import ForbiddenError, UnauthorizedError


@dataclass(frozen=True)
class Caller:
    """The person or program that a verified token speaks for.

    Attributes:
        subject: the identity provider's unchanging name; what things are kept under.
        username: a name for people to read, which may change.
        is_admin: whether the caller is in the group of administrators.
        groups: the caller's groups; of very many, the first.
    """

    subject: str
    username: str
    is_admin: bool
    groups: Tuple[str, ...] = ()

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
        groups=_groups(values.get("groups")),
    )


def _groups(text: object) -> Tuple[str, ...]:
    """Read the groups, a JSON list; none where it is missing or something else."""
    try:
        found = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return ()
    return tuple(group for group in found if isinstance(group, str)) if isinstance(found, list) else ()
