"""A server that answers as Text Generation Inference 3 does (router/src: server.rs, chat.rs, lib.rs)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from aiohttp import web

from clients.engines.scripted import (
    BREAK,
    COMPLETION_TOKENS,
    CREATED,
    CUT,
    LOGPROB,
    PROMPT_TOKENS,
    TOO_LONG,
    TOOL,
    WORDS,
    Engine,
    Json,
    calls_tool,
    last_text,
    send_events,
    serving,
    words,
)

_USAGE = {
    "prompt_tokens": PROMPT_TOKENS,
    "completion_tokens": COMPLETION_TOKENS,
    "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
}
_CALL = "call_1"
_COMPUTE = {"x-compute-type": "1-nvidia-a10g", "x-compute-characters": "5", "x-accel-buffering": "no"}


@contextmanager
def tgi(model_id: str) -> Iterator[Engine]:
    """Run it. It takes any name in `model`, and answers with the path that it was started with."""
    told = {"created": CREATED, "model": model_id, "system_fingerprint": "3.3.6-native"}

    async def models(_: web.Request, __: Json) -> web.StreamResponse:
        card = {"id": model_id, "object": "model", "created": 0, "owned_by": model_id}
        return web.json_response({"object": "list", "data": [card]})

    async def chat(request: web.Request, body: Json) -> web.StreamResponse:
        if refusal := _refusal(body, last_text(body["messages"])):
            return refusal
        if body.get("stream"):
            return await send_events(request, _chat_events(body, told), _COMPUTE)
        return web.json_response(_chat(body, told), headers=_COMPUTE)

    async def complete(request: web.Request, body: Json) -> web.StreamResponse:
        if refusal := _refusal(body, str(body["prompt"])):
            return refusal
        if body.get("stream"):
            return await send_events(request, _completion_events(told), _COMPUTE)
        choice = {"index": 0, "text": "".join(WORDS), "logprobs": None, "finish_reason": "eos_token"}
        content = {"object": "text_completion", "id": "", **told, "choices": [choice], "usage": _USAGE}
        return web.json_response(content, headers=_COMPUTE)

    routes = {"GET /v1/models": models, "POST /v1/chat/completions": chat, "POST /v1/completions": complete}
    with serving("TGI", routes, lambda: web.Response(status=404)) as engine:
        yield engine


def _refusal(body: Json, prompt: str) -> web.Response | None:
    response_format = body.get("response_format")
    if response_format is not None and "value" not in response_format:
        # GrammarType has its schema in `value`; axum's own answers to such bodies are plain text.
        text = "Failed to deserialize the JSON body into the target type: response_format: missing field `value`"
        return web.Response(status=422, text=text)
    if prompt.startswith(TOO_LONG):
        return _error(
            422, "Input validation error: `inputs` must have less than 4096 tokens. Given: 9000", "validation"
        )
    if response_format is not None and body.get("tools"):
        return _error(422, "Tool error: Grammar and tools are mutually exclusive", "tool_error")
    return None


def _error(status: int, message: str, kind: str) -> web.Response:
    return web.json_response({"error": message, "error_type": kind}, status=status)


def _logprobs(word: str) -> Json:
    return {"content": [{"token": word, "logprob": LOGPROB, "top_logprobs": []}]}


def _chat(body: Json, told: Json) -> Json:
    said = words(body, schema="response_format" in body)
    message: Json = {"role": "assistant", "content": "".join(said)}
    if calls_tool(body):
        function = {"description": None, "name": TOOL, "arguments": json.dumps({"city": "Paris"})}
        message = {"role": "assistant", "tool_calls": [{"id": _CALL, "type": "function", "function": function}]}
    logprobs = {"content": [entry for word in said for entry in _logprobs(word)["content"]]}
    choice = {"index": 0, "message": message, "logprobs": logprobs if body.get("logprobs") else None}
    choice["finish_reason"] = "stop"
    return {"object": "chat.completion", "id": "", **told, "choices": [choice], "usage": _USAGE}


async def _chat_events(body: Json, told: Json) -> AsyncIterator[Json | str]:
    def chunk(delta: Json, finish: str | None = None, logprobs: Json | None = None) -> Json:
        choice = {"index": 0, "delta": {"role": "assistant"} | delta, "logprobs": logprobs, "finish_reason": finish}
        return {"object": "chat.completion.chunk", "id": "", **told, "choices": [choice], "usage": None}

    def call(name: str | None, arguments: str) -> Json:
        function = {"name": name, "arguments": arguments}
        return {"tool_calls": [{"index": 0, "id": _CALL, "type": "function", "function": function}]}

    if calls_tool(body):
        yield chunk(call(TOOL, "{"))
        yield chunk(call(None, '"city": "Paris"'))
        yield chunk(call(None, "}"), "stop")
    else:
        said = words(body, schema="response_format" in body)
        for word in said:
            yield chunk({"content": word}, logprobs=_logprobs(word) if body.get("logprobs") else None)
            prompt = last_text(body["messages"])
            if prompt == BREAK:
                yield {"error": "Request failed during generation: Server error: CANCELLED", "error_type": "generation"}
                yield "[DONE]"
                return
            if prompt == CUT:
                yield CUT
        # The last token is the end of sequence, which is special and has no text.
        yield chunk({"content": ""}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield chunk({}) | {"choices": [], "usage": _USAGE}
    yield "[DONE]"


async def _completion_events(told: Json) -> AsyncIterator[Json | str]:
    for number, word in enumerate(WORDS, 1):
        is_last = number == len(WORDS)
        choice = {"index": 0, "text": word, "logprobs": None, "finish_reason": "eos_token" if is_last else ""}
        chunk = {"object": "text_completion", "id": "", **told, "choices": [choice]}
        yield chunk | ({"usage": _USAGE} if is_last else {})
    yield "[DONE]"
