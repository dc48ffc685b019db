"""Write a configuration as YAML, each value with the place that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_schema.document import Document

_Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9 _./@+:-]*(?<![ :])")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def effective_yaml(value: object, document: Document | None) -> str:
    """Write plain data as YAML.

    Args:
        value: mappings, lists and scalars.
        document: tree that tells where each value was written, to say so in comments; None for no comments.
    """
    return "".join(f"{line}\n" for line in _lines(value, (), document))


def _lines(value: object, path: _Path, document: Document | None) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(f"{_scalar(key)}:", item, (*path, key), document)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _entry("-", item, (*path, index), document)


def _entry(lead: str, value: object, path: _Path, document: Document | None) -> Iterator[str]:
    if not isinstance(value, dict | list) or not value:
        yield f"{lead} {_scalar(value)}{_comment(path, document)}"
        return
    below = list(_lines(value, path, document))
    if lead == "-" and isinstance(value, dict):
        yield f"- {below[0]}"
        below = below[1:]
    else:
        yield lead
    yield from (f"  {line}" for line in below)


def _comment(path: _Path, document: Document | None) -> str:
    if document is None:
        return ""
    node = document.find(path)
    if node is None or str(node.origin) == "":
        return "  # default"
    origin = node.origin
    return f"  # {origin.file}:{origin.line}" if origin.line else f"  # {origin.file}"


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list) else str(value)


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and ": " not in text and text.lower() not in _RESERVED


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in text) + '"'
