"""LiteLLM's `null`: a model's server answered 422, and LiteLLM lost its error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from lisa_gateway.answer import Answer

_LENGTH = str(len("null")).encode()


def check_not_null(answer: Answer) -> None:
    """Check that an answer is not LiteLLM's `null`.

    With `drop_params`, LiteLLM 1.106 sends a request that a server rejects with 422 twice, and then returns
    `200 null` (`OpenAIChatCompletion` in litellm/llms/openai/openai.py: its loop ends without a result). No operation
    has an answer of four bytes.

    Raises:
        InvalidRequestError: it is `null`.
    """
    headers = dict(answer.headers)
    is_json = headers.get(b"content-type", b"").startswith(b"application/json")
    if answer.status == 200 and is_json and headers.get(b"content-length") == _LENGTH:
        raise InvalidRequestError(
            "The model's server rejected the request with status 422. Check its parameters and the length of its input."
        )
