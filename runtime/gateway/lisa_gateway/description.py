"""The description of the API, as OpenAPI and as a page that needs nothing from elsewhere."""

from __future__ import annotations

import html
from typing import Any

from lisa_gateway import health
from lisa_gateway.pass_through import PREFIX

DESCRIPTION = """\
LISA's OpenAI-compatible REST API. The inference operations of the LiteLLM proxy are below `/v2/serve`; the ones listed
are supported by most models; the user guide lists the others. Send a token as `Authorization: Bearer <token>`, or
an API token as `Api-Key: <token>`.
"""
_FORWARDED: tuple[tuple[str, str, str], ...] = (
    ("get", "/models", "List the available models"),
    ("post", "/chat/completions", "Create a chat completion; with `stream`, as server-sent events"),
    ("post", "/completions", "Create a completion; with `stream`, as server-sent events"),
    ("post", "/embeddings", "Embed texts"),
)
_SECURITY: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API token, or a token of the identity provider."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "Api-Key", "description": "An API token."},
}
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "integer", "null"]},
            },
        }
    },
}
_STATUSES = {
    "401": "Missing or invalid token",
    "403": "Not allowed",
    "408": "The body did not arrive in time",
    "413": "The body exceeds a limit",
    "415": "The body is compressed",
    "429": "The caller has too many requests in flight",
    "502": "LiteLLM is unreachable",
    "503": "The token cannot be checked, or too many requests are in flight",
    "504": "LiteLLM did not respond in time",
}
_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8886; }}
</style></head><body><h1>{title}</h1><p>{description}</p>
<p>The complete OpenAPI document: <a href="/openapi.json">/openapi.json</a></p>
<table><tr><th>Method</th><th>Path</th><th>Operation</th></tr>
{rows}
</table></body></html>
"""


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add to FastAPI's description what it does not see: the routes passed through, tokens, and errors."""
    paths: dict[str, dict[str, Any]] = document["paths"]
    for method, path, summary in _FORWARDED:
        operation: dict[str, Any] = {
            "tags": ["OpenAI"],
            "summary": summary,
            "operationId": f"{method}_{path.strip('/').replace('/', '_')}",
            "responses": {"200": {"description": "LiteLLM's answer"}, "4XX": {"description": "LiteLLM's error"}},
        }
        if method == "post":
            content = {"application/json": {"schema": {"type": "object", "required": ["model"]}}}
            operation["requestBody"] = {"required": True, "content": content}
        paths[PREFIX + path] = {method: operation}
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Error"] = _ERROR
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in paths.items():
        if path in health.PATHS:
            continue
        for operation in operations.values():
            operation["security"] = [{"bearer": []}, {"apiKey": []}]
            responses = operation["responses"]
            if "422" in responses:
                responses["422"] = {"description": "A parameter is invalid", "content": error}
            for status, description in _STATUSES.items():
                responses[status] = {"description": description, "content": error}
    return document


def page(document: dict[str, Any]) -> str:
    """The description for people: HTML without scripts and without anything from the internet."""
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            what = operation.get("summary", "") + (" (deprecated)" if operation.get("deprecated") else "")
            cells = (method.upper(), path, what)
            rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    info = document["info"]
    return _PAGE.format(
        title=html.escape(info["title"]), description=html.escape(info["description"]), rows="\n".join(rows)
    )
