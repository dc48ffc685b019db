"""LiteLLM's `None`: a model's server answered 422, and LiteLLM lost its error.

With `drop_params`, LiteLLM 1.106 sends a request that a server rejects with 422 twice, and then returns nothing
(`OpenAIChatCompletion` in litellm/llms/openai/openai.py: its loop ends without a result). What LiteLLM makes of nothing
depends on the API: `200 null` for chat completions, a failure of its own for their streams, the Responses API and
Anthropic messages, and for streams of messages an event with that failure after the first one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lisa_gateway.errors import GatewayError, InvalidRequestError, UpstreamInterruptedError, UpstreamUnavailableError
from lisa_gateway.upstream_errors import UpstreamError, read_error, upstream_error

if TYPE_CHECKING:
    from lisa_gateway.answer import Answer

_LENGTH = str(len("null")).encode()
_FAILED = 500
_FAILURE = re.compile(
    rb"'NoneType' object has no attribute '(?:__aiter__|choices)'|Unexpected response type: <class 'NoneType'>"
)
_MOST_HELD_BYTES = 64 * 1024
_EVENT_END = b"\n\n"


def rejection(*, is_typed: bool = False) -> UpstreamError:
    """The error for a request that a model's server has rejected, without the reason, which is lost.

    Args:
        is_typed: whether it is for a client of Anthropic's API.
    """
    return UpstreamError(
        "The model's server rejected the request with status 422. Check its parameters and the length of its input.",
        status=InvalidRequestError.status,
        kind=InvalidRequestError.kind,
        code=InvalidRequestError.code,
        is_typed=is_typed,
    )


def check_not_null(answer: Answer) -> None:
    """Check that an answer is not LiteLLM's `null`; no operation has an answer of four bytes.

    Raises:
        UpstreamError: it is `null`.
    """
    headers = dict(answer.headers)
    is_json = headers.get(b"content-type", b"").startswith(b"application/json")
    if answer.status == 200 and is_json and headers.get(b"content-length") == _LENGTH:
        raise rejection()


async def litellm_error(answer: Answer, request_body: object = None) -> GatewayError:
    """The error that callers get for LiteLLM's answer with an error status; see `upstream_errors.upstream_error`.

    Args:
        answer: the answer, at the beginning of its body; the caller closes it.
        request_body: the request's body if it was sent in one part.
    """
    try:
        content = await read_error(answer)
    except UpstreamInterruptedError:
        content = b""
    if answer.status == _FAILED and _FAILURE.search(content):
        return rejection(is_typed=content.startswith(b'{"type":"error"'))
    return upstream_error(answer.status, answer.headers, content, request_body)


async def begin_messages(answer: Answer) -> bytes:
    """The begin of a stream of Anthropic messages: LiteLLM's own first event, and what follows it.

    Args:
        answer: the answer, at the beginning of its body.

    Raises:
        UpstreamError: LiteLLM has lost the error of the model's server.
        UpstreamUnavailableError: the answer broke before a second event.
    """
    held = b""
    try:
        while held.count(_EVENT_END) < 2 and len(held) < _MOST_HELD_BYTES and (part := await answer.next_part()):
            held += part
    except UpstreamInterruptedError as error:
        raise UpstreamUnavailableError("The model proxy interrupted its response.") from error
    _, _, second = held.partition(_EVENT_END)
    if second.startswith(b"event: error") and _FAILURE.search(second):
        raise rejection(is_typed=True)
    return held
