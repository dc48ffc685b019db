"""What a function may refuse, with the status that says so. The text is for the caller: it names no inner detail."""

from __future__ import annotations

from typing import Any, Mapping, Optional


class ApiError(Exception):
    """Root of the answers that are errors.

    Attributes:
        status: HTTP status.
        code: for programs: stable, and without spaces.
        message: for people: one sentence.
        details: further members of the answer's body, beside code and message.
    """

    status = 500
    code = "InternalError"

    def __init__(self, message: str, *, details: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details or {}


class BadRequestError(ApiError):
    """The request is invalid."""

    status = 400
    code = "BadRequest"


class UnauthorizedError(ApiError):
    """The request says not who the caller is: it did not come through the authorizer."""

    status = 401
    code = "Unauthorized"


class ForbiddenError(ApiError):
    """The caller may not do this."""

    status = 403
    code = "Forbidden"


class NotFoundError(ApiError):
    """There is no such thing, or it is another caller's."""

    status = 404
    code = "NotFound"


class ConflictError(ApiError):
    """The current state does not permit this operation."""

    status = 409
    code = "Conflict"


class TooLargeError(ApiError):
    """The body is larger than can be kept, or the answer larger than can be returned."""

    status = 413
    code = "TooLarge"


class UnsupportedMediaTypeError(ApiError):
    """The body is of a kind that is not taken."""

    status = 415
    code = "UnsupportedMediaType"


class TooManyRequestsError(ApiError):
    """A service behind this one asks for patience."""

    status = 429
    code = "TooManyRequests"


class UnavailableError(ApiError):
    """A service behind this one does not answer, or answers with an error."""

    status = 503
    code = "Unavailable"
