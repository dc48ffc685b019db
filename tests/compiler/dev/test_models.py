"""The models of `lisa dev`, as OpenAI's clients see them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from lisa_compiler.dev import models
from lisa_compiler.dev.packages import MissingPackageError
from lisa_compiler.dev.processes import Processes


@pytest.fixture(scope="module")
def embedder() -> Iterator[openai.OpenAI]:
    try:
        endpoint, program = models.plan_embedding()
    except MissingPackageError as error:
        pytest.skip(str(error))
    with Processes() as processes:
        processes.start(program)
        yield openai.OpenAI(base_url=endpoint.url, api_key=endpoint.key, max_retries=0)


def embed(embedder: openai.OpenAI, *texts: str) -> list[list[float]]:
    given = embedder.embeddings.create(model="any", input=list(texts), encoding_format="float")
    return [each.embedding for each in given.data]


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_texts_of_like_meaning_are_near(embedder: openai.OpenAI) -> None:
    passages = embed(
        embedder,
        "Cats sleep for most of the day and hunt mice at night.",
        "Income must be declared to the revenue office before the end of May.",
        "Tides rise and fall because the moon's gravity pulls on the oceans.",
    )
    questions = ["When do pets rest?", "What is the deadline for filing taxes?", "Why does the sea level change?"]
    for number, question in enumerate(embed(embedder, *questions)):
        nearest = max(range(len(passages)), key=lambda index: likeness(passages[index], question))
        assert nearest == number


def test_a_text_has_the_same_vector_alone_and_among_others(embedder: openai.OpenAI) -> None:
    long = "A sentence that is much longer than the other one, and goes on for a while. " * 40
    (alone,) = embed(embedder, "Short.")
    among, _ = embed(embedder, "Short.", long)
    assert len(alone) == 384
    assert math.isclose(likeness(alone, alone), 1, abs_tol=1e-4)
    assert math.isclose(likeness(alone, among), 1, abs_tol=1e-4)


def test_a_body_without_texts_is_refused(embedder: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        embedder.post("/embeddings", body={"model": "any"}, cast_to=object)


def test_the_text_model_wants_its_key_and_answers() -> None:
    try:
        endpoint, program = models.plan_text()
    except MissingPackageError as error:
        pytest.skip(str(error))
    with Processes() as processes:
        processes.start(program)
        hello: Any = [{"role": "user", "content": "Hello"}]
        client = openai.OpenAI(base_url=endpoint.url, api_key="another", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="any", messages=hello, max_tokens=4)
        client = openai.OpenAI(base_url=endpoint.url, api_key=endpoint.key, max_retries=0)
        answer = client.chat.completions.create(model="any", messages=hello, max_tokens=4)
        assert answer.choices[0].message.content
