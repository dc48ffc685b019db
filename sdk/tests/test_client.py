"""The methods of lisapy 2.0, sync and async; all of this runs against a deployment too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from lisapy import FoundationModel, Lisa, ModelKwargs, ModelType, NotFoundError, Response, StreamingResponse

from .conftest import Deployment


def test_models_by_type(lisa: Lisa) -> None:
    models = lisa.list_models()
    assert {model.model_type for model in lisa.list_textgen_models()} <= {ModelType.TEXTGEN}
    assert {model.model_type for model in lisa.list_embedding_models()} <= {ModelType.EMBEDDING}
    assert len(models) == len(lisa.list_textgen_models()) + len(lisa.list_embedding_models())


def test_described_model_is_the_listed_one(lisa: Lisa, textgen: FoundationModel) -> None:
    assert lisa.describe_model(provider=textgen.provider, model_name=textgen.model_name) == textgen


def test_model_that_there_is_not(lisa: Lisa) -> None:
    with pytest.raises(NotFoundError) as caught:
        lisa.describe_model(provider="unknown.textgen.provider", model_name="unknown")
    assert caught.value.status == 404
    assert caught.value.request_id


def test_generate(lisa: Lisa, textgen: FoundationModel) -> None:
    textgen.model_kwargs = ModelKwargs(max_new_tokens=2)
    response = lisa.generate("test", textgen)
    assert isinstance(response, Response)
    assert response.generated_text
    assert 0 < response.generated_tokens <= 2
    assert response.finish_reason


def test_generate_asynchronously(deployment: Deployment, textgen: FoundationModel) -> None:
    async def generate() -> Response:
        async with deployment.client() as lisa:
            return (await asyncio.gather(*(lisa.agenerate("test", textgen) for _ in range(3))))[0]

    assert asyncio.run(generate()).generated_text


def check_pieces(pieces: list[StreamingResponse]) -> None:
    assert "".join(piece.token for piece in pieces)
    assert all(piece.finish_reason is None for piece in pieces[:-1])
    assert pieces[-1].finish_reason
    assert (pieces[-1].generated_tokens or 0) > 0


def test_stream(lisa: Lisa, textgen: FoundationModel) -> None:
    check_pieces(list(lisa.generate_stream("test", textgen)))


def test_stream_asynchronously(deployment: Deployment, textgen: FoundationModel) -> None:
    async def stream() -> list[StreamingResponse]:
        async with deployment.client() as lisa:
            return [piece async for piece in lisa.agenerate_stream("test", textgen)]

    check_pieces(asyncio.run(stream()))


def test_embed_a_text(lisa: Lisa, embedding: FoundationModel) -> None:
    (vector,) = lisa.embed("test", embedding)
    assert all(isinstance(number, float) for number in vector)


def test_embed_texts(lisa: Lisa, embedding: FoundationModel) -> None:
    vectors = lisa.embed(["one", "two", "three"], embedding)
    assert len(vectors) == 3
    assert len({len(vector) for vector in vectors}) == 1


def test_embed_asynchronously(deployment: Deployment, embedding: FoundationModel) -> None:
    async def embed() -> list[list[float]]:
        async with deployment.client() as lisa:
            return await lisa.aembed(["one", "two"], embedding)

    assert len(asyncio.run(embed())) == 2


def test_one_client_serves_several_event_loops(deployment: Deployment, textgen: FoundationModel) -> None:
    lisa = deployment.client()
    for _ in range(2):
        assert asyncio.run(lisa.agenerate("test", textgen)).generated_text
    lisa.close()


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v2/serve", "/v2/serve/"])
def test_address_may_end_in_a_route(deployment: Deployment, ending: str) -> None:
    with deployment.client(url=deployment.url.rstrip("/") + ending) as lisa:
        assert lisa.list_models()


def asked(stub: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(stub.last.body)
    return body


def test_arguments_reach_the_model(lisa: Lisa, stub: Any, textgen: FoundationModel) -> None:
    textgen.model_kwargs = ModelKwargs(max_new_tokens=7, temperature=0.3, stop_sequences=["\n"], seed=5)
    lisa.generate("test", textgen)
    assert {name: asked(stub)[name] for name in ("max_tokens", "temperature", "stop", "seed", "prompt")} == {
        "max_tokens": 7,
        "temperature": 0.3,
        "stop": ["\n"],
        "seed": 5,
        "prompt": "test",
    }


def test_arguments_may_be_a_dictionary(lisa: Lisa, stub: Any, textgen: FoundationModel) -> None:
    textgen.model_kwargs = {"max_new_tokens": 9}  # type: ignore[assignment]
    lisa.generate("test", textgen)
    assert asked(stub)["max_tokens"] == 9


@pytest.mark.parametrize("leave", [lambda pieces: pieces.close(), next])
def test_stream_need_not_be_read_to_its_end(lisa: Lisa, textgen: FoundationModel, leave: Callable[[Any], Any]) -> None:
    pieces = lisa.generate_stream("test", textgen)
    next(pieces)
    leave(pieces)
    del pieces
    assert lisa.list_models()
