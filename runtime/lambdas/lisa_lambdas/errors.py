"""What a function may refuse, with the status that says so. The text is for the caller: it names no inner detail."""

from __future__ import annotations

from typing import Any, Mapping, Optional


class ApiError(Exception):
    """Root of the answers that are errors.

    Attributes:
        status: HTTP status.
        code: for programs: stable, and without spaces.
        meaning: what is wrong in general, for `docs/errors.md`.
        action: what a caller can do, in the imperative, likewise.
        message: for people: one sentence.
        details: further members of the answer's body, beside code and message.
    """

    status = 500
    code = "InternalError"
    meaning = "The function failed."
    action = "Retry the request. If it fails again, report the time and `x-amzn-RequestId` to an administrator."

    def __init__(self, message: str, *, details: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details or {}


class BadRequestError(ApiError):
    """The request is invalid."""

    status = 400
    code = "BadRequest"
    meaning = "A parameter or the body is missing or invalid."
    action = "Correct what the message names."


class UnauthorizedError(ApiError):
    """The request does not identify the caller: it did not come through the authorizer."""

    status = 401
    code = "Unauthorized"
    meaning = "The request does not identify the caller."
    action = "Sign in again, and send the token of the identity provider in `Authorization`."


class ForbiddenError(ApiError):
    """The caller may not do this."""

    status = 403
    code = "Forbidden"
    meaning = "You have no permission for the operation."
    action = "Ask an administrator for access."


class NotFoundError(ApiError):
    """There is no such thing, or it is another caller's."""

    status = 404
    code = "NotFound"
    meaning = "The endpoint or the object does not exist, or it belongs to another user."
    action = "Check the path and the identifiers in it."


class ConflictError(ApiError):
    """The current state does not permit this operation."""

    status = 409
    code = "Conflict"
    meaning = "The current state does not permit the operation."
    action = "Read the current state, then send a request that fits it."


class TooLargeError(ApiError):
    """The body is larger than can be kept, or the answer larger than can be returned."""

    status = 413
    code = "TooLarge"
    meaning = "The request, the stored object or the response exceeds a limit."
    action = "Send or request less, as the message says."


class UnsupportedMediaTypeError(ApiError):
    """The body is of a kind that is not taken."""

    status = 415
    code = "UnsupportedMediaType"
    meaning = "The content type of the body is not supported."
    action = "Send JSON, with `Content-Type: application/json`."


class TooManyRequestsError(ApiError):
    """A service behind this one throttles requests."""

    status = 429
    code = "TooManyRequests"
    meaning = "An AWS service throttles requests, or many clients change the same object."
    action = "Retry in a moment."


class UnavailableError(ApiError):
    """A service behind this one does not answer, or answers with an error."""

    status = 503
    code = "Unavailable"
    meaning = "A service that is required to answer does not respond, or returns an error."
    action = "Retry later. If it fails again, report the time and `x-amzn-RequestId` to an administrator."
