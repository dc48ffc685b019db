"""What can go wrong between a program and LISA: one root, and a class for each kind of answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LisaError(Exception):
    """Any failure of a call.

    Attributes:
        status: HTTP status of the answer; None when there was none.
        request_id: `X-Request-ID` of the answer, by which the gateway's logs find the request; None when it had none.
    """

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class BadRequestError(LisaError):
    """400 or 422: the request is not valid."""


class UnauthorizedError(LisaError):
    """401: the token is missing, unknown or expired."""


class ForbiddenError(LisaError):
    """403: the caller may not do this."""


class NotFoundError(LisaError):
    """404: there is no such model, or no such route."""


class RequestTooLargeError(LisaError):
    """413: the request is larger than the gateway takes."""


class RateLimitExceededError(LisaError):
    """429: there are too many requests at the moment."""


class ServerError(LisaError):
    """5xx: the gateway or the model behind it failed."""


class UnreachableError(LisaError):
    """Nothing answers at the address, or its certificate is not trusted."""


class RequestTimeoutError(LisaError):
    """The answer did not come in time."""


class StreamError(LisaError):
    """A stream of tokens was interrupted before its end."""


_BY_STATUS: Mapping[int, type[LisaError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    413: RequestTooLargeError,
    422: BadRequestError,
    429: RateLimitExceededError,
}


def error_of(status: int, body: Any, request_id: str | None = None) -> LisaError:
    """The error that an answer means.

    Args:
        status: its HTTP status, 300 or above.
        body: its JSON, or its text where it is none.
        request_id: its `X-Request-ID`.
    """
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else LisaError)
    return kind(f"{status}: {_message(body)}", status=status, request_id=request_id)


def _message(body: Any) -> str:
    """The words of an error as OpenAI, FastAPI or the functions behind API Gateway write it."""
    if isinstance(body, Mapping):
        error = body.get("error")
        told = error.get("message") if isinstance(error, Mapping) else error
        told = told or body.get("message") or body.get("detail")
        if told:
            return str(told)
    return " ".join(str(body).split())[:500] or "no error message."
