"""What an API token may be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.errors import ForbiddenError

if TYPE_CHECKING:
    from lisa_gateway.request_context import Caller


def require_scope(caller: Caller | None, family: str) -> None:
    """Require that a caller may use a family of operations.

    Args:
        caller: the caller; None where no authentication is configured.
        family: one of `operations.FAMILIES`.

    Raises:
        ForbiddenError: the caller is an API token whose scopes do not include it.
    """
    if caller is None or not caller.scopes or family in caller.scopes:
        return
    has = ", ".join(f"`{scope}`" for scope in sorted(caller.scopes))
    raise ForbiddenError(
        f"The API token lacks the scope `{family}` (it has {has}). Use a token with this scope, or without scopes."
    )
