"""Errors of LiteLLM that are not JSON: it answers some refusals, and whatever it did not expect, in plain text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lisa_gateway.errors import GatewayError
from lisa_gateway.request_fields import check_fields

_STRUCTURED = (b"application/json", b"application/problem+json", b"text/event-stream")


class OpaqueAnswerError(GatewayError):
    """LiteLLM answered with an error that clients cannot read; its text is not passed on.

    Args:
        status: LiteLLM's status, which is kept.
    """

    code = "upstream_error"

    def __init__(self, status: int) -> None:
        if status >= 500:
            message = "The model proxy failed to process the request. Check its parameters, then retry."
        else:
            message = f"The model proxy rejected the request with status {status}. Check its path and parameters."
            self.kind = "invalid_request_error"
        super().__init__(message)
        self.status = status


def is_opaque(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether an answer is an error in a form other than JSON or events."""
    if status < 400:
        return False
    types = [value.lower().lstrip() for name, value in headers if name.lower() == b"content-type"]
    return not any(value.startswith(_STRUCTURED) for value in types)


def readable_error(status: int, body: object) -> GatewayError:
    """The error for an opaque answer.

    LiteLLM looks for some of the fields that callers may not set before it asks `proxy_authorization`, and fails on its
    own refusal because the image has no Prisma; then the caller learns which field it is.

    Args:
        status: LiteLLM's status.
        body: the request's body when it was sent in one part.
    """
    if isinstance(body, bytes) and (content := _object(body)) is not None:
        try:
            check_fields(content, known=())
        except GatewayError as error:
            return error
    return OpaqueAnswerError(status)


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
