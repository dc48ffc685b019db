"""The API of model management."""

from __future__ import annotations

from typing import Any

from lisa_lambdas.answer import not_implemented


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Answer a request of API Gateway."""
    return not_implemented("model management")
