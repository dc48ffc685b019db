"""The handler that Lambda calls."""

from __future__ import annotations

from typing import Any

from lisa_lambdas.errors import NotImplementedYetError
from lisa_lambdas.proxy import error_answer


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Answer a request of API Gateway."""
    return error_answer(NotImplementedYetError("This release does not have document repositories yet."))
