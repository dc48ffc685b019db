"""What callers get for an error of a model's server, or of the load balancer in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.errors import (
    GatewayError,
    ModelUnavailableError,
    ScheduledModelError,
    UpstreamCredentialsError,
    UpstreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from lisa_gateway.upstream_errors import read_error, upstream_error

if TYPE_CHECKING:
    from lisa_gateway.answer import Answer

# The gateway is what the server does not let in: the caller's token has been checked before.
_REJECTED = frozenset({401, 403, 407})
_NO_INSTANCE = "The model has no healthy instance at the moment; try again shortly."


async def model_error(answer: Answer, closed: str = "") -> GatewayError:
    """The error for an answer of a model's server with a status of 400 or more.

    Args:
        answer: the answer, of whose body `upstream_errors.MOST_BYTES` are read at most; the caller closes it.
        closed: when the model's schedule has no instances; empty if it always has some.
    """
    if answer.status in _REJECTED:
        return UpstreamCredentialsError()
    try:
        content = await read_error(answer)
    except UpstreamInterruptedError:
        return UpstreamUnavailableError("The model's server interrupted its response. Retry in a moment.")
    if not content.lstrip().startswith(b"{"):
        # What no model's server sends, but the load balancer in front of it does.
        if answer.status == 503:
            return ScheduledModelError(closed) if closed else ModelUnavailableError(_NO_INSTANCE)
        if answer.status == 502:
            return UpstreamUnavailableError("The model's server closed the connection without a response; try again.")
        if answer.status == 504:
            return UpstreamTimeoutError(
                "The model's server did not respond in time; try again, or stream the response."
            )
    return upstream_error(answer.status, answer.headers, content)
