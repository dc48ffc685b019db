"""Anthropic's Python library, whose messages are translated to chat completions."""

from __future__ import annotations

from typing import Any

import anthropic

from clients import cells
from clients.cells import MESSAGES, PARIS, PNG, SCHEMA, Target, raises

ASKED: list[Any] = MESSAGES
TOOL: Any = {"name": "get_weather", "description": "The weather in a city.", "input_schema": SCHEMA}


def client(target: Target) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=target.base_url, auth_token=target.token, max_retries=0)


def chat(target: Target) -> None:
    answer = client(target).messages.create(model=target.model, messages=ASKED, max_tokens=8)
    target.check_text(answer.content[0].text)
    target.check_usage(answer.usage.input_tokens, answer.usage.output_tokens)
    assert target.is_real or answer.stop_reason == "end_turn", answer.stop_reason


def stream(target: Target) -> None:
    with client(target).messages.stream(model=target.model, messages=ASKED, max_tokens=8) as events:
        target.check_text("".join(events.text_stream))
        usage = events.get_final_message().usage
    target.check_usage(usage.input_tokens, usage.output_tokens)


def key(target: Target) -> None:
    found = anthropic.Anthropic(base_url=target.base_url, api_key=target.token, max_retries=0)
    answer = found.messages.create(model=target.model, messages=ASKED, max_tokens=8)
    target.check_text(answer.content[0].text)


def tools(target: Target) -> None:
    use: Any = client(target).messages.create
    asked: list[Any] = [*MESSAGES]
    answer = use(model=target.model, messages=asked, max_tokens=8, tools=[TOOL])
    (call,) = [block for block in answer.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", PARIS)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sun"}
    asked += [
        {"role": "assistant", "content": [block.to_dict() for block in answer.content]},
        {"role": "user", "content": [result]},
    ]
    answer = use(model=target.model, messages=asked, max_tokens=8, tools=[TOOL])
    assert answer.content[0].text == "It is sunny.", answer


def tools_streamed(target: Target) -> None:
    with client(target).messages.stream(model=target.model, messages=ASKED, max_tokens=8, tools=[TOOL]) as events:
        (call,) = [block for block in events.get_final_message().content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", PARIS)


def vision(target: Target) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is in this picture?"}]
    asked: list[Any] = [{"role": "user", "content": content}]
    answer = client(target).messages.create(model=target.model, messages=asked, max_tokens=8)
    target.check_text(answer.content[0].text, "A red square.")


def prompt_too_long(target: Target) -> None:
    asked: list[Any] = [{"role": "user", "content": "too long"}]
    use = client(target).messages.create
    raises(
        (anthropic.BadRequestError, anthropic.UnprocessableEntityError),
        lambda: use(model=target.model, messages=asked, max_tokens=8),
    )


def broken_streams(target: Target) -> None:
    for prompt in ("break the stream", "cut the stream"):
        asked: list[Any] = [{"role": "user", "content": prompt}]

        def read(asked: list[Any] = asked) -> None:
            with client(target).messages.stream(model=target.model, messages=asked, max_tokens=8) as events:
                list(events)

        raises((anthropic.APIError,), read)


def errors(target: Target) -> None:
    wrong = anthropic.Anthropic(base_url=target.base_url, auth_token="wrong", max_retries=0)
    ask: Any = {"messages": ASKED, "max_tokens": 8}
    raises(anthropic.AuthenticationError, lambda: wrong.messages.create(model=target.model, **ask))
    use = client(target).messages.create
    raises((anthropic.BadRequestError, anthropic.NotFoundError), lambda: use(model="no-such-model", **ask))


def count(target: Target) -> None:
    assert client(target).messages.count_tokens(model=target.model, messages=ASKED).input_tokens > 0


cells.run(
    "Anthropic (Python)",
    {
        "Messages": chat,
        "Messages, streamed": stream,
        "Token as `api_key`": key,
        "Tools": tools,
        "Tools, streamed": tools_streamed,
        "Images": vision,
        "Count tokens": count,
        "Prompt too long": prompt_too_long,
        "Interrupted stream": broken_streams,
        "Wrong token or model": errors,
    },
)
