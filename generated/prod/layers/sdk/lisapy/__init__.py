"""The Python client of LISA: text and embeddings from the models that a deployment hosts."""

from __future__ import annotations

from lisapy.errors import (
    BadRequestError,
    ForbiddenError,
    LisaError,
    NotFoundError,
    RateLimitExceededError,
    RequestTimeoutError,
    RequestTooLargeError,
    ServerError,
    StreamError,
    UnauthorizedError,
    UnreachableError,
)
from lisapy.main import Lisa
from lisapy.types import FoundationModel, ModelKwargs, ModelType, Response, StreamingResponse
from lisapy.version import VERSION

__all__ = [
    "VERSION",
    "BadRequestError",
    "ForbiddenError",
    "FoundationModel",
    "Lisa",
    "LisaError",
    "ModelKwargs",
    "ModelType",
    "NotFoundError",
    "RateLimitExceededError",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "Response",
    "ServerError",
    "StreamError",
    "StreamingResponse",
    "UnauthorizedError",
    "UnreachableError",
]
