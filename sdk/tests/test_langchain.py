"""The LangChain classes, as a chain uses them; all but what looks at the stub runs against a deployment too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("langchain_core", reason="the LangChain classes need langchain-core")

from langchain_core.prompts import PromptTemplate

from lisapy import FoundationModel, Lisa, ModelKwargs, NotFoundError
from lisapy.langchain import LisaEmbeddings, LisaOpenAIEmbeddings, LisaTextgen

from .conftest import Deployment


@pytest.fixture
def llm(lisa: Lisa, textgen: FoundationModel) -> LisaTextgen:
    return LisaTextgen(provider=textgen.provider, model_name=textgen.model_name, client=lisa)


def test_invoke_in_a_chain(llm: LisaTextgen) -> None:
    assert (PromptTemplate.from_template("Say {word}") | llm).invoke({"word": "hello"})


def test_every_way_to_ask(llm: LisaTextgen) -> None:
    async def ask() -> tuple[str, list[str]]:
        return await llm.ainvoke("test"), [piece async for piece in llm.astream("test")]

    answer, pieces = asyncio.run(ask())
    assert answer
    assert "".join(pieces)
    assert "".join(llm.stream("test"))
    assert len(llm.batch(["one", "two"])) == 2


def test_arguments_of_the_model_and_of_a_call(lisa: Lisa, stub: Any, textgen: FoundationModel) -> None:
    llm = LisaTextgen(
        provider=textgen.provider,
        model_name=textgen.model_name,
        model_kwargs=ModelKwargs(max_new_tokens=3),
        client=lisa,
    )
    llm.invoke("test", stop=["."], temperature=0.5)
    body = json.loads(stub.last.body)
    assert (body["max_tokens"], body["stop"], body["temperature"]) == (3, ["."], 0.5)


def test_model_that_there_is_not(lisa: Lisa) -> None:
    with pytest.raises(NotFoundError):
        LisaTextgen(provider="ecs.textgen.tgi", model_name="unknown", client=lisa)


def test_embeddings(lisa: Lisa, embedding: FoundationModel) -> None:
    embeddings = LisaEmbeddings(provider=embedding.provider, model_name=embedding.model_name, client=lisa)
    documents = embeddings.embed_documents(["one", "two"])
    assert len(documents) == 2
    assert len(embeddings.embed_query("one")) == len(documents[0])

    async def embed() -> tuple[list[list[float]], list[float]]:
        return await embeddings.aembed_documents(["one", "two"]), await embeddings.aembed_query("one")

    several, one = asyncio.run(embed())
    assert (len(several), len(one)) == (2, len(documents[0]))


def test_embeddings_by_the_openai_route(deployment: Deployment, stub: Any) -> None:
    token = next(iter(deployment.headers.values())).removeprefix("Bearer ")
    embeddings = LisaOpenAIEmbeddings(
        lisa_openai_api_base=f"{deployment.url}/v2/serve", model="embedder", api_token=token, verify=deployment.verify
    )
    assert embeddings.embed_documents(["one", "two"]) == [[0.0, 0.5], [1.0, 0.5]]
    assert json.loads(stub.last.body)["model"] == "embedder"
    assert asyncio.run(embeddings.aembed_query("one")) == [0.0, 0.5]
    assert token not in repr(embeddings)
