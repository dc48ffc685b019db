"""The page that documents an API: plain HTML made of its OpenAPI document.

It fetches nothing, so that it reads the same in a network without internet, and runs no script.
"""

from __future__ import annotations

from html import escape
from typing import Any, Dict, Iterator, List

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
h2{margin-top:2rem;font-size:1.1rem}code{font-family:ui-monospace,monospace}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}
.method{display:inline-block;min-width:4.5rem;font-weight:700}
"""


def documentation_page(document: Dict[str, Any]) -> str:
    """A page with every endpoint, what it takes and answers, and the shapes of both."""
    title = escape(document["info"]["title"])
    endpoints = "".join(
        _endpoint(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    shapes = document.get("components", {}).get("schemas", {})
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        f"<p>{escape(document['info'].get('description', ''))} "
        'OpenAPI document: <a href="openapi.json">openapi.json</a>.</p>'
        f"{endpoints}{''.join(_shape(name, shape) for name, shape in shapes.items())}</body></html>"
    )


def _endpoint(method: str, path: str, operation: Dict[str, Any]) -> str:
    rows: List[str] = []
    for parameter in operation.get("parameters", []):
        need = "" if parameter.get("required") else ", optional"
        rows.append(_row(parameter["name"], f"{parameter['in']}{need}: {parameter.get('description', '')}"))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        rows.append(_row("body", _kind(body)))
    for status, answer in operation.get("responses", {}).items():
        shape = answer.get("content", {}).get("application/json", {}).get("schema")
        rows.append(_row(status, f"{answer.get('description', '')} {_kind(shape) if shape else ''}"))
    return (
        f'<section><h2><span class="method">{escape(method.upper())}</span> <code>{escape(path)}</code></h2>'
        f"<p>{escape(operation.get('summary', ''))}</p><table>{''.join(rows)}</table></section>"
    )


def _shape(name: str, shape: Dict[str, Any]) -> str:
    rows = "".join(
        _row(key, f"{_kind(part)} {part.get('description', '')}") for key, part in shape.get("properties", {}).items()
    )
    values = ", ".join(str(value) for value in shape.get("enum", []))
    about = escape(" ".join(part for part in (shape.get("description", ""), values) if part))
    return f'<section id="{escape(name)}"><h2>{escape(name)}</h2><p>{about}</p><table>{rows}</table></section>'


def _row(name: str, text: str) -> str:
    return f"<tr><th><code>{escape(name)}</code></th><td>{escape(text.strip())}</td></tr>"


def _kind(schema: Dict[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_kinds(schema))) or "any"


def _kinds(schema: Dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    for part in (*schema.get("anyOf", []), *schema.get("allOf", [])):
        yield from _kinds(part)
    if schema.get("type") == "array":
        yield f"list of {_kind(schema.get('items', {}))}"
    elif "type" in schema:
        yield schema["type"]
