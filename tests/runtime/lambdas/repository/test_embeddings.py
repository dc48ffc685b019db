"""The client of the REST API's embeddings, against a server that answers as told."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from lisa_lambdas.errors import (
    ApiError,
    BadRequestError,
    ForbiddenError,
    TooManyRequestsError,
    UnavailableError,
)
from lisa_lambdas.repository.embeddings import Embeddings
from runtime.lambdas.repository.embedding_server import MODEL, TOKEN, EmbeddingServer, embeddings, failure, vector
from runtime.lambdas.repository.http_server import Answer

Embed = Callable[..., list[list[float]]]


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def embed(rest_api: str, waits: list[float]) -> Embed:
    client = Embeddings(lambda: f"{rest_api}/v2/serve/embeddings", sleep=waits.append)

    def embed(*texts: str, model: str = MODEL, authorization: str = TOKEN) -> list[list[float]]:
        return client.embed(texts, model=model, authorization=authorization)

    return embed


def test_vectors_are_in_the_order_of_the_texts(embed: Embed) -> None:
    assert embed("anchor", "bridge bridge", "none") == [vector("anchor"), vector("bridge bridge"), vector("none")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again(
    embed: Embed, embedding_server: EmbeddingServer, waits: list[float], status: int
) -> None:
    embedding_server.failures = [failure(status), failure(status)]
    assert embed("anchor") == [vector("anchor")]
    assert waits == [0.5, 1.0]


@pytest.mark.parametrize(("asked", "waited"), [("1", 1.0), ("0", 0.0), ("3600", 4.0), ("tomorrow", 0.5), ("-1", 0.5)])
def test_retry_after_is_heeded_within_reason(
    embed: Embed, embedding_server: EmbeddingServer, waits: list[float], asked: str, waited: float
) -> None:
    embedding_server.failures = [failure(429, Retry_After=asked)]
    embed("anchor")
    assert waits == [waited]


@pytest.mark.parametrize(("status", "kind"), [(429, TooManyRequestsError), (500, UnavailableError)])
def test_a_lasting_failure_is_given_up(
    embed: Embed, embedding_server: EmbeddingServer, status: int, kind: type[ApiError]
) -> None:
    embedding_server.failures = [failure(status)] * 9
    with pytest.raises(kind, match=MODEL):
        embed("anchor")
    assert embedding_server.asked == 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, ForbiddenError),
        (403, ForbiddenError),
        (404, BadRequestError),
        (413, BadRequestError),
        (302, UnavailableError),
        (204, UnavailableError),
    ],
)
def test_a_refusal_is_not_tried_again(
    embed: Embed, embedding_server: EmbeddingServer, status: int, kind: type[ApiError]
) -> None:
    embedding_server.failures = [failure(status)]
    with pytest.raises(kind):
        embed("anchor")
    assert embedding_server.asked == 1


def test_the_callers_token_is_what_the_rest_api_sees(embed: Embed) -> None:
    with pytest.raises(ForbiddenError, match="token"):
        embed("anchor", authorization="Bearer somebody else's")


def test_a_model_that_is_not_served_is_named(embed: Embed) -> None:
    with pytest.raises(BadRequestError, match="unknown-model"):
        embed("anchor", model="unknown-model")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>"),
        Answer(200, b"[]"),
        Answer(200, b"{}"),
        Answer(200, json.dumps({"data": [{"index": 0}]}).encode()),
        embeddings([]),
        embeddings([[1.0], [1.0], [1.0]]),
        embeddings([[1.0, 2.0], [1.0]]),
        embeddings([[], []]),
        embeddings([[0.0, 0.0], [1.0, 0.0]]),
        embeddings([["a", 1.0], [1.0, 0.0]]),
        embeddings([[math.nan, 1.0], [1.0, 0.0]]),
        embeddings([[math.inf, 1.0], [1.0, 0.0]]),
        embeddings([[10**400, 1.0], [1.0, 0.0]]),
    ],
)
def test_an_answer_without_a_vector_for_each_text_is_refused(
    embed: Embed, embedding_server: EmbeddingServer, answer: Answer
) -> None:
    embedding_server.failures = [answer]
    with pytest.raises(UnavailableError, match="embedding"):
        embed("one", "two")


def test_a_server_that_is_not_there_is_tried_again_and_given_up(waits: list[float]) -> None:
    client = Embeddings(lambda: "http://127.0.0.1:9/v2/serve/embeddings", sleep=waits.append)
    with pytest.raises(UnavailableError, match="does not respond"):
        client.embed(["anchor"], model=MODEL, authorization=TOKEN)
    assert waits == [0.5, 1.0, 2.0]
