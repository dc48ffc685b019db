"""LiteLLM's Python library."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import litellm
import openai

from clients import cells
from clients.cells import LOGPROB, MESSAGES, PARIS, PICTURE_MESSAGES, SCHEMA, TOOL, VECTOR, Target, raises

litellm.suppress_debug_info = True


def options(target: Target) -> dict[str, Any]:
    where = {"api_base": target.base_url, "api_key": target.token}
    return {"model": f"openai/{target.model}", "max_retries": 0, **where}


def ask(target: Target, **more: Any) -> Any:
    return litellm.completion(**options(target), **({"messages": MESSAGES, "max_tokens": 8} | more))


def chat(target: Target) -> None:
    answer = ask(target)
    target.check_text(answer.choices[0].message.content)
    target.check_usage(answer.usage.prompt_tokens, answer.usage.completion_tokens)


def stream(target: Target) -> None:
    events = list(ask(target, stream=True, stream_options={"include_usage": True}))
    target.check_text("".join(event.choices[0].delta.content or "" for event in events if event.choices))
    (usage,) = [event.usage for event in events if getattr(event, "usage", None)]
    target.check_usage(usage.prompt_tokens, usage.completion_tokens)


def tools(target: Target) -> None:
    (call,) = ask(target, tools=[TOOL]).choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", PARIS)


def tools_streamed(target: Target) -> None:
    found = litellm.stream_chunk_builder(list(ask(target, tools=[TOOL], stream=True)))
    (call,) = found.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", PARIS)


def structured(target: Target) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
    assert json.loads(ask(target, response_format=form).choices[0].message.content) == PARIS


def logprobs(target: Target) -> None:
    found = ask(target, logprobs=True, top_logprobs=1).choices[0].logprobs
    content = found["content"] if isinstance(found, dict) else found.content
    assert [entry["logprob"] if isinstance(entry, dict) else entry.logprob for entry in content] == [LOGPROB, LOGPROB]


def vision(target: Target) -> None:
    target.check_text(ask(target, messages=PICTURE_MESSAGES).choices[0].message.content, "A red square.")


def complete(target: Target) -> None:
    found = options(target) | {"model": f"text-completion-openai/{target.model}"}
    target.check_text(litellm.text_completion(**found, prompt="Say", max_tokens=8).choices[0].text)


def broken_streams(target: Target) -> None:
    for prompt in ("break the stream", "cut the stream"):
        use = partial(ask, target, messages=[{"role": "user", "content": prompt}], stream=True)
        raises(openai.APIError, lambda use=use: list(use()))


def embed(target: Target) -> None:
    found = litellm.embedding(**options(target), input=["a", "b"])
    assert [entry["embedding"] for entry in found.data] == [VECTOR, VECTOR]


cells.run(
    "LiteLLM (Python)",
    {
        "Chat": chat,
        "Stream": stream,
        "Tools": tools,
        "Tools, streamed": tools_streamed,
        "Structured output": structured,
        "Log probabilities": logprobs,
        "Images": vision,
        "Complete": complete,
        "Interrupted stream": broken_streams,
    },
    {"Embed": embed},
)
