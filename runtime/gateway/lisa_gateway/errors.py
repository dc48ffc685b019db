"""Errors that the gateway answers with, in the form that OpenAI's API has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from lisa_gateway.error_catalogue import CATALOGUE

LISA_CODE = "lisa_code"
"""Member of LiteLLM's `provider_specific_fields` with the code of the gateway's own refusal within LiteLLM."""

_NONE: Mapping[str, str] = MappingProxyType({})


class GatewayError(Exception):
    """Root of the errors that become an answer. The text is for the caller.

    Args:
        message: what is wrong and what to do; by default, what the catalogue has for the code.

    Attributes:
        status: HTTP status.
        kind: OpenAI's `type`.
        code: OpenAI's `code`, for programs; `CATALOGUE` has it.
        param: OpenAI's `param`, the parameter that is wrong.
        headers: headers of the answer.
    """

    status = 500
    kind = "server_error"
    code = "internal_error"
    param: str | None = None
    headers: Mapping[str, str] = _NONE

    def __init__(self, message: str = "") -> None:
        super().__init__(message or CATALOGUE[self.code].sentence)

    def body(self, request_id: str = "") -> bytes:
        """The answer's body, with the id of the request if it has one."""
        return error_body(str(self), kind=self.kind, code=self.code, param=self.param, request_id=request_id)


class UnauthorizedError(GatewayError):
    """No credential came, or none that is valid."""

    status = 401
    kind = "authentication_error"
    code = "invalid_api_key"

    def __init__(self, message: str, *, given: bool) -> None:
        super().__init__(message)
        # RFC 6750, section 3.1: no error code for a request without any credential.
        self.headers = {"WWW-Authenticate": 'Bearer error="invalid_token"' if given else "Bearer"}


class ForbiddenError(GatewayError):
    """The caller is known and may not do this."""

    status = 403
    kind = "permission_error"
    code = "forbidden"


class NotFoundError(GatewayError):
    """There is no such thing."""

    status = 404
    kind = "invalid_request_error"
    code = "not_found"


class InvalidRequestError(GatewayError):
    """The request cannot be passed on as it is."""

    status = 400
    kind = "invalid_request_error"
    code = "invalid_request"


class UnsupportedParameterError(GatewayError):
    """The request has something that is not supported."""

    status = 400
    kind = "invalid_request_error"
    code = "unsupported_parameter"


class MethodNotAllowedError(GatewayError):
    """The path exists with other methods."""

    status = 405
    kind = "invalid_request_error"
    code = "method_not_allowed"

    def __init__(self, message: str, methods: Iterable[str]) -> None:
        super().__init__(message)
        self.headers = {"Allow": ", ".join(methods)}


class BodyTooLargeError(GatewayError):
    """The body exceeds a limit: its bytes, or what JSON holds."""

    status = 413
    kind = "invalid_request_error"
    code = "request_too_large"


class InvalidBodyError(GatewayError):
    """The body cannot be read as LiteLLM would read it."""

    status = 400
    kind = "invalid_request_error"
    code = "invalid_body"


class BodyTimeoutError(GatewayError):
    """The body did not arrive in time."""

    status = 408
    kind = "timeout_error"
    code = "request_timeout"


class BodyEncodingError(GatewayError):
    """The body is compressed."""

    status = 415
    kind = "invalid_request_error"
    code = "unsupported_content_encoding"


class TooManyRequestsError(GatewayError):
    """The caller has too much in flight."""

    status = 429
    kind = "rate_limit_error"
    code = "rate_limit_exceeded"
    headers = MappingProxyType({"Retry-After": "2"})


class HeadersTooLargeError(GatewayError):
    """The headers are longer than the limit."""

    status = 431
    kind = "invalid_request_error"
    code = "headers_too_large"
    headers = MappingProxyType({"Connection": "close"})


class TargetTooLongError(GatewayError):
    """The path and the query are longer than the limit."""

    status = 414
    kind = "invalid_request_error"
    code = "uri_too_long"


class SlowRequestError(GatewayError):
    """The request does not come, or comes too slowly."""

    status = 408
    kind = "invalid_request_error"
    code = "request_timeout"


class TooManyConnectionsError(GatewayError):
    """There are too many connections."""

    status = 503
    code = "too_many_connections"
    headers = MappingProxyType({"Retry-After": "5"})


class UnavailableError(GatewayError):
    """Something that is needed to answer is out of reach for now."""

    status = 503
    code = "unavailable"
    headers = MappingProxyType({"Retry-After": "5"})


class BusyError(GatewayError):
    """All callers together have too much in flight."""

    status = 503
    code = "overloaded"
    headers = MappingProxyType({"Retry-After": "2"})


class UpstreamUnavailableError(GatewayError):
    """LiteLLM accepts no connection, or interrupts it."""

    status = 502
    code = "upstream_unreachable"


class UpstreamTimeoutError(GatewayError):
    """LiteLLM does not respond in time."""

    status = 504
    kind = "timeout_error"
    code = "upstream_timeout"


class UpstreamUnreachableError(UpstreamUnavailableError):
    """A server accepts no connection: the request has not reached it."""


class UpstreamConnectTimeoutError(UpstreamTimeoutError):
    """A server accepts no connection in time: the request has not reached it."""


class ModelUnavailableError(GatewayError):
    """The server of one model cannot be reached, or has no healthy instance; other models are not affected."""

    status = 503
    code = "model_unavailable"
    headers = MappingProxyType({"Retry-After": "5"})


class ScheduledModelError(ModelUnavailableError):
    """A model without a healthy instance has times without instances: it may be one of them.

    Args:
        closed: the times, for people.
    """

    headers = MappingProxyType({"Retry-After": "60"})

    def __init__(self, closed: str) -> None:
        super().__init__(f"The model has no healthy instance at the moment. By its schedule it has none {closed}.")


class UpstreamCredentialsError(GatewayError):
    """The model, or its provider, rejects the gateway's credentials: nothing that the caller can change."""

    status = 502
    code = "upstream_credentials"


class UpstreamInterruptedError(Exception):
    """The model interrupted a response that has begun, so that it cannot become an error response any more.

    A stream of events ends with this error as an event. Any other response ends with a closed connection, so that a
    part is not mistaken for the complete response.

    Attributes:
        kind: OpenAI's `type`.
        code: OpenAI's `code`; `CATALOGUE` has it.
    """

    kind = "server_error"
    code = "upstream_interrupted"

    def body(self, request_id: str) -> bytes:
        """The error in OpenAI's form, with the id of the request."""
        return error_body(CATALOGUE[self.code].sentence, kind=self.kind, code=self.code, request_id=request_id)


class UpstreamStalledError(UpstreamInterruptedError):
    """The model stopped sending a response that has begun, without ending it."""

    kind = "timeout_error"
    code = "upstream_timeout"


class ClientDisconnectedError(Exception):
    """The client disconnected before its response was complete."""


def error_body(message: str, *, kind: str, code: str, param: str | None = None, request_id: str = "") -> bytes:
    """A body in the form of OpenAI's errors, with the id of the request as a further member."""
    error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
    if request_id:
        error["request_id"] = request_id
    return json.dumps({"error": error}, separators=(",", ":"), ensure_ascii=False).encode()
