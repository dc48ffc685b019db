"""What callers get for an error of a model's server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from lisa_gateway.errors import (
    GatewayError,
    ModelUnavailableError,
    UpstreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

if TYPE_CHECKING:
    from lisa_gateway.answer import Answer

FIRST_ERROR_STATUS = 400
"""From this status on an answer is an error."""

_MOST_BYTES = 64 * 1024


class ModelError(GatewayError):
    """A model's server answered with an error in a form other than OpenAI's; its text is not passed on.

    Args:
        status: its status; what says that the gateway is not let in becomes 502.
    """

    code = "upstream_error"

    def __init__(self, status: int) -> None:
        if status in (401, 403, 407):
            super().__init__("The model's server rejected the gateway's request. Report it with the request ID.")
            self.status = 502
        elif status >= 500:
            super().__init__("The model's server failed to process the request. Check its parameters, then retry.")
            self.status = status
        else:
            super().__init__(f"The model's server rejected the request with status {status}. Check its parameters.")
            self.status = status
            self.kind = "rate_limit_error" if status == 429 else "invalid_request_error"


async def error_content(answer: Answer) -> bytes:
    """The body of an error that goes to the caller as it is, because it is an error in OpenAI's form.

    Args:
        answer: an answer with a status of 400 or more; it is read to its end.

    Raises:
        ModelError: it has another form.
        ModelUnavailableError: the load balancer has no healthy instance of the model.
        UpstreamUnavailableError: the load balancer's instance ended the connection, or the answer was interrupted.
        UpstreamTimeoutError: the load balancer's instance did not respond in time.
    """
    parts: list[bytes] = []
    length = 0
    try:
        while length <= _MOST_BYTES and (part := await answer.next_part()):
            parts.append(part)
            length += len(part)
    except UpstreamInterruptedError as error:
        raise UpstreamUnavailableError("The model's server interrupted its response.") from error
    content = b"".join(parts)
    if answer.status not in (401, 403, 407) and length <= _MOST_BYTES and _is_openai_error(content):
        return content
    if not content.lstrip().startswith(b"{"):
        # What no model's server sends, but the load balancer in front of it does.
        if answer.status == 503:
            raise ModelUnavailableError("The model has no healthy instance at the moment; try again shortly.")
        if answer.status == 502:
            raise UpstreamUnavailableError("The model's server closed the connection without a response.")
        if answer.status == 504:
            raise UpstreamTimeoutError("The model's server did not respond in time.")
    raise ModelError(answer.status)


def _is_openai_error(content: bytes) -> bool:
    try:
        body: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    error = body.get("error") if isinstance(body, dict) else None
    return (
        isinstance(error, dict)
        and isinstance(error.get("message"), str)
        and isinstance(error.get("type"), str | None)
        and isinstance(error.get("code"), str | int | None)
    )
