"""OpenAI's Python library, and its client for Azure, which sends `api-key` and has the model in the path."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import openai

from clients import cells
from clients.cells import LOGPROB, MESSAGES, PARIS, PICTURE_MESSAGES, SCHEMA, TOOL, VECTOR, Target, raises

ASKED: list[Any] = MESSAGES


def client(target: Target) -> openai.OpenAI:
    return openai.OpenAI(base_url=target.base_url, api_key=target.token, max_retries=0)


def azure(target: Target) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(
        azure_endpoint=target.base_url, api_key=target.token, api_version="2025-04-01-preview", max_retries=0
    )


def list_models(target: Target) -> None:
    assert target.model in {model.id for model in client(target).models.list()}
    assert client(target).models.retrieve(target.model).id == target.model


def check_chat(found: openai.OpenAI, target: Target) -> None:
    answer = found.chat.completions.create(model=target.model, messages=ASKED, max_tokens=8)
    target.check_text(answer.choices[0].message.content)
    target.check_usage(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert target.is_real or answer.choices[0].finish_reason == "stop"


def check_stream(found: openai.OpenAI, target: Target) -> None:
    options: Any = {"stream_options": {"include_usage": True}, "max_tokens": 8}
    events = list(found.chat.completions.create(model=target.model, messages=ASKED, stream=True, **options))
    target.check_text("".join(event.choices[0].delta.content or "" for event in events if event.choices))
    (usage,) = [event.usage for event in events if event.usage]
    target.check_usage(usage.prompt_tokens, usage.completion_tokens)
    without = list(found.chat.completions.create(model=target.model, messages=ASKED, stream=True, max_tokens=8))
    assert not [event for event in without if event.usage], "usage was not asked for"


def tools(target: Target) -> None:
    use: Any = client(target).chat.completions.create
    asked: list[Any] = [*MESSAGES]
    message = use(model=target.model, messages=asked, tools=[TOOL]).choices[0].message
    (call,) = message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", PARIS)
    asked += [message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "sun"}]
    assert use(model=target.model, messages=asked, tools=[TOOL]).choices[0].message.content == "It is sunny."


def tools_streamed(target: Target) -> None:
    use: Any = client(target).chat.completions.stream
    with use(model=target.model, messages=ASKED, tools=[TOOL]) as events:
        (call,) = events.get_final_completion().choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", PARIS)


def structured(target: Target) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
    answer = client(target).chat.completions.create(model=target.model, messages=ASKED, response_format=form)
    assert json.loads(answer.choices[0].message.content) == PARIS


def logprobs(target: Target) -> None:
    answer = client(target).chat.completions.create(model=target.model, messages=ASKED, logprobs=True, top_logprobs=1)
    assert [entry.logprob for entry in answer.choices[0].logprobs.content] == [LOGPROB, LOGPROB]
    events = client(target).chat.completions.create(model=target.model, messages=ASKED, logprobs=True, stream=True)
    found = [entry.logprob for event in events for choice in event.choices if choice.logprobs
             for entry in choice.logprobs.content]  # fmt: skip
    assert found == [LOGPROB, LOGPROB]


def vision(target: Target) -> None:
    asked: list[Any] = PICTURE_MESSAGES
    answer = client(target).chat.completions.create(model=target.model, messages=asked)
    target.check_text(answer.choices[0].message.content, "A red square.")


def complete(target: Target) -> None:
    use: Any = client(target).completions.create
    answer = use(model=target.model, prompt="Say", max_tokens=8)
    target.check_text(answer.choices[0].text)
    target.check_usage(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    events = list(use(model=target.model, prompt="Say", max_tokens=8, stream=True))
    target.check_text("".join(event.choices[0].text or "" for event in events if event.choices))


def responses(target: Target) -> None:
    use: Any = client(target).responses.create
    answer = use(model=target.model, input="hi", max_output_tokens=16)
    target.check_text(answer.output_text)
    target.check_usage(answer.usage.input_tokens, answer.usage.output_tokens)
    events = list(use(model=target.model, input="hi", max_output_tokens=16, stream=True))
    target.check_text("".join(event.delta for event in events if event.type == "response.output_text.delta"))
    assert events[-1].type in ("response.completed", *(["response.incomplete"] if target.is_real else [])), events[-1]


def prompt_too_long(target: Target) -> None:
    asked: list[Any] = [{"role": "user", "content": "too long"}]
    for stream in (False, True):
        use = partial(client(target).chat.completions.create, model=target.model, messages=asked, stream=stream)
        raises((openai.BadRequestError, openai.UnprocessableEntityError), lambda use=use: list(use()))


def broken_streams(target: Target) -> None:
    for prompt in ("break the stream", "cut the stream"):
        asked: list[Any] = [{"role": "user", "content": prompt}]
        use = partial(client(target).chat.completions.create, model=target.model, messages=asked, stream=True)
        raises(openai.APIError, lambda use=use: list(use()))


def errors(target: Target) -> None:
    wrong = openai.OpenAI(base_url=target.base_url, api_key="wrong", max_retries=0)
    raises(openai.AuthenticationError, wrong.models.list)
    use = client(target).chat.completions.create
    raises((openai.BadRequestError, openai.NotFoundError), lambda: use(model="no-such-model", messages=ASKED))


def embed(target: Target) -> None:
    found = client(target).embeddings.create(model=target.model, input=["a", "b"])
    assert [entry.embedding for entry in found.data] == [VECTOR, VECTOR], found.data
    assert found.usage.prompt_tokens == 5
    floats = client(target).embeddings.create(model=target.model, input="a", encoding_format="float")
    assert floats.data[0].embedding == VECTOR


def embed_many(target: Target) -> None:
    assert len(client(target).embeddings.create(model=target.model, input=["a"] * 100).data) == 100


def embed_azure(target: Target) -> None:
    assert azure(target).embeddings.create(model=target.model, input="a").data[0].embedding == VECTOR


cells.run(
    "OpenAI (Python)",
    {
        "List models": list_models,
        "Chat": lambda target: check_chat(client(target), target),
        "Stream": lambda target: check_stream(client(target), target),
        "Tools": tools,
        "Tools, streamed": tools_streamed,
        "Structured output": structured,
        "Log probabilities": logprobs,
        "Images": vision,
        "Complete": complete,
        "Responses API": responses,
        "Prompt too long": prompt_too_long,
        "Interrupted stream": broken_streams,
        "Wrong token or model": errors,
    },
    {"Embed": embed, "Embed 100 texts": embed_many},
)
cells.run(
    "Azure OpenAI (Python)",
    {
        "Chat": lambda target: check_chat(azure(target), target),
        "Stream": lambda target: check_stream(azure(target), target),
    },
    {"Embed": embed_azure},
)
