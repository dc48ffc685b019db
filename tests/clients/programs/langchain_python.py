"""LangChain's classes for OpenAI."""

from __future__ import annotations

from typing import Any

from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from clients import cells
from clients.cells import LOGPROB, PARIS, PICTURE_MESSAGES, TOOL, VECTOR, Target


class Place(BaseModel):
    """A place."""

    city: str


def model(target: Target, **options: Any) -> ChatOpenAI:
    options = {"base_url": target.base_url, "api_key": target.token, "max_retries": 0, "max_tokens": 8} | options
    return ChatOpenAI(model=target.model, **options)


def chat(target: Target) -> None:
    answer = model(target).invoke("hi")
    target.check_text(answer.content)
    target.check_usage(answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"])


def stream(target: Target) -> None:
    parts = list(model(target, stream_usage=True).stream("hi"))
    target.check_text("".join(str(part.content) for part in parts))
    (usage,) = [part.usage_metadata for part in parts if part.usage_metadata]
    target.check_usage(usage["input_tokens"], usage["output_tokens"])


def tools(target: Target) -> None:
    (call,) = model(target).bind_tools([TOOL]).invoke("hi").tool_calls
    assert (call["name"], call["args"]) == ("get_weather", PARIS)


def tools_streamed(target: Target) -> None:
    found = None
    for part in model(target).bind_tools([TOOL]).stream("hi"):
        found = part if found is None else found + part
    (call,) = found.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", PARIS)


def structured(target: Target) -> None:
    assert model(target).with_structured_output(Place, method="json_schema").invoke("hi") == Place(**PARIS)


def structured_by_tools(target: Target) -> None:
    found = model(target).with_structured_output(TOOL["function"], method="function_calling").invoke("hi")
    assert found == PARIS, found


def logprobs(target: Target) -> None:
    found = model(target, logprobs=True).invoke("hi").response_metadata["logprobs"]["content"]
    assert [entry["logprob"] for entry in found] == [LOGPROB, LOGPROB]


def vision(target: Target) -> None:
    target.check_text(model(target).invoke(PICTURE_MESSAGES).content, "A red square.")


def responses(target: Target) -> None:
    answer = model(target, use_responses_api=True, max_tokens=16).invoke("hi")
    target.check_text(answer.text if isinstance(answer.text, str) else answer.text())


def embeddings(target: Target, **options: Any) -> OpenAIEmbeddings:
    options = {"base_url": target.base_url, "api_key": target.token, "max_retries": 0} | options
    return OpenAIEmbeddings(model=target.model, **options)


def embed(target: Target) -> None:
    found = embeddings(target, check_embedding_ctx_length=False)
    assert found.embed_query("a") == VECTOR
    assert found.embed_documents(["a", "b"]) == [VECTOR, VECTOR]


def embed_many(target: Target) -> None:
    found = embeddings(target, check_embedding_ctx_length=False)
    assert len(found.embed_documents(["a"] * 100)) == 100


def embed_many_in_parts(target: Target) -> None:
    found = embeddings(target, check_embedding_ctx_length=False, chunk_size=32)
    assert len(found.embed_documents(["a"] * 100)) == 100


def count(target: Target) -> None:
    assert model(target).get_num_tokens("Hello there") == 2


cells.run(
    "LangChain (Python)",
    {
        "Chat": chat,
        "Stream": stream,
        "Tools": tools,
        "Tools, streamed": tools_streamed,
        "Structured output": structured,
        "Structured output, with tools": structured_by_tools,
        "Log probabilities": logprobs,
        "Images": vision,
        "Responses API": responses,
        "Count tokens, offline": count,
    },
    {"Embed": embed, "Embed 100 texts": embed_many, "Embed 100 texts, `chunk_size=32`": embed_many_in_parts},
)
