"""Requests and answers of the gateway's `/v1` routes, without the transport: the same for both kinds of client."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lisapy.errors import LisaError, ServerError, StreamError, error_of
from lisapy.types import FoundationModel, ModelType, Response, StreamingResponse

_ROUTES = ("/v2/serve", "/v1")
_DATA = "data:"
_Answer = TypeVar("_Answer", bound=BaseModel)


def base_url(url: str) -> str:
    """The gateway's address, from one that may end in one of its routes."""
    bare = url.rstrip("/")
    for route in _ROUTES:
        bare = bare.removesuffix(route)
    return bare


def describe_models_query(kinds: Iterable[ModelType]) -> list[tuple[str, str]]:
    """Query of `/v1/describeModels`."""
    return [("modelTypes", kind.value) for kind in kinds]


def models(answer: Any) -> list[FoundationModel]:
    """The models in the answer of `/v1/describeModels`.

    Raises:
        ServerError: it does not have that form.
    """
    try:
        found = [one for providers in answer.values() for models in providers.values() for one in models]
        return [FoundationModel.model_validate(one) for one in found]
    except (AttributeError, TypeError, ValidationError) as error:
        raise _unknown_form() from error


def model(answer: Any) -> FoundationModel:
    """The model in the answer of `/v1/describeModel`.

    Raises:
        ServerError: it does not have that form.
    """
    return _validated(FoundationModel, answer)


def body(text: str | list[str], asked: FoundationModel) -> dict[str, Any]:
    """Body of generate, generateStream and embeddings."""
    arguments = asked.model_kwargs.model_dump(exclude_none=True) if asked.model_kwargs else {}
    return {"provider": asked.provider, "modelName": asked.model_name, "text": text, "modelKwargs": arguments}


def response(answer: Any) -> Response:
    """The text in the answer of `/v1/generate`.

    Raises:
        ServerError: it does not have that form.
    """
    return _validated(Response, answer)


def embeddings(answer: Any) -> list[list[float]]:
    """The vectors in the answer of `/v1/embeddings`.

    Raises:
        ServerError: it does not have that form.
    """
    found = answer.get("embeddings") if isinstance(answer, Mapping) else None
    if not isinstance(found, list):
        raise _unknown_form()
    return found


def openai_embeddings(answer: Any) -> list[list[float]]:
    """The vectors in the answer of `/v2/serve/embeddings`, in the order of the texts.

    Raises:
        ServerError: it does not have that form.
    """
    try:
        return [one["embedding"] for one in sorted(answer["data"], key=lambda one: int(one["index"]))]
    except (KeyError, TypeError, ValueError) as error:
        raise _unknown_form() from error


class Tokens:
    """Reads the lines of `/v1/generateStream`, and knows whether the last one came."""

    def __init__(self, request_id: str | None) -> None:
        self._request_id = request_id
        self._ended = False

    def read(self, line: str) -> StreamingResponse | None:
        """The piece in a line, or None where it holds none.

        Raises:
            StreamError: the line says that the generation failed, or is not a token.
        """
        if not line.startswith(_DATA):
            return None
        try:
            content = json.loads(line.removeprefix(_DATA))
            if "error" in content:
                raise StreamError(
                    f"The generation was interrupted: {error_of(500, content)}", request_id=self._request_id
                )
            self._ended = self._ended or "finishReason" in content
            return StreamingResponse(
                token=content["token"]["text"],
                finish_reason=content.get("finishReason"),
                generated_tokens=content.get("generatedTokens"),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StreamError("The stream contains invalid events.", request_id=self._request_id) from error

    def end(self) -> None:
        """Check that the stream came to its end.

        Raises:
            StreamError: it did not.
        """
        if not self._ended:
            raise self.broken_off()

    def broken_off(self) -> StreamError:
        """The error of a stream that ends before its end."""
        return StreamError(
            "The stream was interrupted before its end. Repeat the request.", request_id=self._request_id
        )


def failure(status: int, content: bytes, headers: Mapping[str, str]) -> LisaError:
    """The error that an answer means."""
    try:
        told: Any = json.loads(content)
    except ValueError:
        told = content.decode(errors="replace")
    return error_of(status, told, headers.get("x-request-id"))


def _validated(kind: type[_Answer], answer: Any) -> _Answer:
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        raise _unknown_form() from error


def _unknown_form() -> ServerError:
    return ServerError("The response is not from LISA: check that `url` is the address of the gateway.")
