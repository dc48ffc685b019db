"""A server that answers as vLLM 0.32 does (vllm/entrypoints: openai/*/protocol.py, serve/exception_handling)."""

from __future__ import annotations

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

_USAGE_IN_EVENTS = {
    "prompt_tokens": PROMPT_TOKENS,
    "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
    "completion_tokens": COMPLETION_TOKENS,
}
_USAGE = _USAGE_IN_EVENTS | {"prompt_tokens_details": None, "completion_tokens_details": None}
_ARGUMENTS = ('{"city": ', '"Paris"}')
_CALL = "chatcmpl-tool-8d6f"


@contextmanager
def vllm(*served_names: str) -> Iterator[Engine]:
    """Run it with the names in its `--served-model-name`."""

    def missing(body: Json) -> web.Response | None:
        if body.get("model") in served_names:
            return None
        return _error(404, "NotFoundError", f"The model `{body.get('model')}` does not exist.", "model")

    async def models(_: web.Request, __: Json) -> web.StreamResponse:
        cards = [{"id": name, "object": "model", "created": CREATED, "owned_by": "vllm"} for name in served_names]
        return web.json_response({"object": "list", "data": cards})

    async def chat(request: web.Request, body: Json) -> web.StreamResponse:
        if refusal := missing(body) or _too_long(last_text(body["messages"])):
            return refusal
        return await (_chat_stream if body.get("stream") else _chat)(request, body)

    async def complete(request: web.Request, body: Json) -> web.StreamResponse:
        if refusal := missing(body) or _too_long(str(body["prompt"])):
            return refusal
        if body.get("stream"):
            return await send_events(request, _completion_events(body))
        return web.json_response(_completion(body, "".join(WORDS), "stop") | {"usage": _USAGE})

    routes = {"GET /v1/models": models, "POST /v1/chat/completions": chat, "POST /v1/completions": complete}
    with serving("vLLM", routes, lambda: web.json_response({"detail": "Not Found"}, status=404)) as engine:
        yield engine


def _error(status: int, kind: str, message: str, param: str | None) -> web.Response:
    content = {"message": message, "type": kind, "param": param, "code": status}
    return web.json_response({"error": content}, status=status)


def _too_long(text: str) -> web.Response | None:
    if not text.startswith(TOO_LONG):
        return None
    message = (
        "This model's maximum context length is 4096 tokens. However, your request has 9000 input tokens. Please "
        "reduce the length of the input messages."
    )
    return _error(400, "BadRequestError", message, "input_tokens")


def _logprobs(word: str) -> Json:
    one = {"token": word, "logprob": LOGPROB, "bytes": list(word.encode())}
    return {"content": [one | {"top_logprobs": [one]}]}


def _has_schema(body: Json) -> bool:
    return (body.get("response_format") or {}).get("type") == "json_schema"


async def _chat(_: web.Request, body: Json) -> web.StreamResponse:
    message: Json = {"role": "assistant", "content": None, "refusal": None, "annotations": None, "audio": None}
    message |= {"function_call": None, "reasoning": None}
    said = words(body, schema=_has_schema(body))
    finish = "stop"
    if calls_tool(body):
        function = {"name": TOOL, "arguments": "".join(_ARGUMENTS)}
        message["tool_calls"] = [{"id": _CALL, "type": "function", "function": function}]
        finish = "tool_calls"
    else:
        message["content"] = "".join(said)
    logprobs = {"content": [entry for word in said for entry in _logprobs(word)["content"]]}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": logprobs if body.get("logprobs") else None,
        "finish_reason": finish,
        "stop_reason": None,
        "token_ids": None,
    }
    return web.json_response(
        {
            "id": "chatcmpl-b5a1",
            "object": "chat.completion",
            "created": CREATED,
            "model": body["model"],
            "choices": [choice],
            "service_tier": None,
            "system_fingerprint": "vllm-0.32.0",
            "usage": _USAGE,
            "prompt_logprobs": None,
            "prompt_token_ids": None,
            "kv_transfer_params": None,
        }
    )


async def _chat_stream(request: web.Request, body: Json) -> web.StreamResponse:
    return await send_events(request, _chat_events(body))


async def _chat_events(body: Json) -> AsyncIterator[Json | str]:
    def chunk(delta: Json, finish: str | None = None, logprobs: Json | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish, "token_ids": None}
        content = {"id": "chatcmpl-b5a1", "object": "chat.completion.chunk", "created": CREATED, "model": body["model"]}
        return content | {"choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    if calls_tool(body):
        function = {"name": TOOL, "arguments": ""}
        yield chunk({"tool_calls": [{"id": _CALL, "type": "function", "index": 0, "function": function}]})
        for part in _ARGUMENTS:
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
        yield chunk({"content": ""}, "tool_calls")
    else:
        for word in words(body, schema=_has_schema(body)):
            yield chunk({"content": word}, logprobs=_logprobs(word) if body.get("logprobs") else None)
            prompt = last_text(body["messages"])
            if prompt == BREAK:
                message = "EngineCore encountered an issue. See stack trace (above) for the root cause."
                yield {"error": {"message": message, "type": "InternalServerError", "param": None, "code": 500}}
                yield "[DONE]"
                return
            if prompt == CUT:
                yield CUT
        yield chunk({"content": ""}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield chunk({}) | {"choices": [], "usage": _USAGE_IN_EVENTS}
    yield "[DONE]"


def _completion(body: Json, text: str, finish: str | None) -> Json:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish, "stop_reason": None}
    content = {"id": "cmpl-b5a1", "object": "text_completion", "created": CREATED, "model": body["model"]}
    return content | {"choices": [choice]}


async def _completion_events(body: Json) -> AsyncIterator[Json | str]:
    for number, word in enumerate(WORDS, 1):
        yield _completion(body, word, "stop" if number == len(WORDS) else None)
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _completion(body, "", None) | {"choices": [], "usage": _USAGE_IN_EVENTS}
    yield "[DONE]"
