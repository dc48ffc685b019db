"""Requests and answers that the direct path must not take, or must not pass on."""

from __future__ import annotations

from typing import Any

from aiohttp import web


def chat(name: str = "hosted", **others: Any) -> dict[str, Any]:
    return {"model": name, "messages": [{"role": "user", "content": "hi"}], **others}


GOES_TO_LITELLM = {
    "external model": ("/chat/completions", chat("external")),
    "extra_body": ("/chat/completions", chat(extra_body={"top_k": 1})),
    "Responses": ("/responses", {"model": "hosted", "input": "hi"}),
    "Anthropic messages": ("/v1/messages", chat(max_tokens=5)),
    "Azure's path": ("/openai/deployments/hosted/chat/completions", chat()),
    "not JSON": ("/chat/completions", b'{"model": "hosted",'),
    "not an object": ("/chat/completions", b'["hosted"]'),
}


REFUSED: dict[str, tuple[bytes | dict[str, Any], str]] = {
    "unknown model": (chat("nobody"), "Unknown model 'nobody'. Use a model listed by /models."),
    "address in content": (
        chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/"}}]}]),
        "data URL",
    ),
    "where a call goes": (chat(api_base="http://x/"), "'api_base'"),
    "LiteLLM's parameter": (chat(max_budget=1), "'max_budget'"),
    "another server": (chat(kv_transfer_params={}), "'kv_transfer_params'"),
    "MCP": (chat(tools=[{"type": "mcp", "server_url": "http://x/"}]), "MCP"),
    "two models": (b'{"model":"hosted","model":"external","messages":[]}', ""),
    "two models, one disguised": (b'{"model":"hosted","mod\\u0065l":"hosted","messages":[]}', "'model' once"),
    "two lists of messages": (b'{"model":"hosted","messages":[{}],"messages":[]}', "'messages' once"),
    "another case": (b'{"model":"hosted","Messages":[],"messages":[]}', "Write the field 'Messages' as 'messages'"),
    "wrong operation": ({"model": "embedder", "messages": []}, "is an embedding model. Use it with /embeddings."),
}


def html(status: int) -> web.Response:
    return web.Response(status=status, body=b"<html>awselb</html>", content_type="text/html")


def error(status: int, content: Any) -> web.Response:
    return web.json_response(content, status=status)


# test_upstream_errors.py has more forms of errors.
ERRORS: dict[str, tuple[web.Response, int, str]] = {
    "vLLM": (error(400, {"error": {"message": "too long", "type": "BadRequestError", "code": 400}}), 400, "too long"),
    "vLLM before 0.10": (error(400, {"object": "error", "message": "too long", "code": 400}), 400, "too long"),
    "TGI": (error(422, {"error": "too long", "error_type": "validation"}), 422, "too long"),
    "overloaded TGI": (error(429, {"error": "Model is overloaded", "error_type": "overloaded"}), 429, "overloaded"),
    "failed": (error(500, {"error": {"message": "secret"}}), 500, "The model failed"),
    "plain text": (web.Response(text="secret traceback", status=500), 500, "The model failed"),
    "long": (error(400, {"error": {"message": "x" * 70_000}}), 400, "with status 400"),
    "no healthy target": (html(503), 503, "no healthy instance"),
    "target closed": (html(502), 502, "closed the connection"),
    "target silent": (html(504), 504, "did not respond in time"),
    "forbidden": (error(403, {"error": {"message": "secret"}}), 502, "the credentials of the gateway"),
}
