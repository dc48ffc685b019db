"""A stand-in for a broken configuration, so that the rules can still look at the parts that are sound.

Whatever the schema objects to is taken out, or put right by an example of its field. Nothing is ever made from a
repaired configuration, and what a rule says about a repaired place is not reported.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from lisa_schema.document import Path
from lisa_schema.effective import Schema, branch, effective, part_of, resolved

_PLAIN = {"integer": 1, "number": 1, "boolean": False, "string": "example"}


def with_placeholders(data: Mapping[str, Any], broken: Iterable[Path]) -> dict[str, Any]:
    """Return a copy of a configuration in which each broken path is gone or holds an example."""
    whole = copy.deepcopy(dict(data))
    for path in sorted(set(broken), key=lambda path: (-len(path), [str(step) for step in path])):
        if path:
            _replace_invalid(whole, path)
    return whole


def example_value(schema: Schema) -> Any:
    """Return a value that a schema accepts: an example, the first choice, or the required parts of a block."""
    told = {**resolved(schema), **schema}
    shown = [*told.get("examples", ()), *told.get("enum", ()), *([told["const"]] if "const" in told else ())]
    if shown:
        return copy.deepcopy(shown[0])
    schema = branch(schema, None)
    kind = schema.get("type")
    if kind == "object":
        return {key: example_value(schema["properties"][key]) for key in schema.get("required", ())}
    if kind == "array":
        return [example_value(schema.get("items", {}))] if schema.get("minItems") else []
    return schema.get("minimum", _PLAIN.get(str(kind)))


def _replace_invalid(whole: dict[str, Any], path: Path) -> None:
    schema: Schema = effective()
    parent: Any = whole
    for step in path[:-1]:
        schema = part_of(schema, step, parent)
        try:
            parent = parent[step]
        except (KeyError, IndexError, TypeError):
            return
    last = path[-1]
    block = branch(schema, parent)
    if isinstance(parent, list) and isinstance(last, int) and last < len(parent):
        parent[last] = example_value(block.get("items", {}))
    elif isinstance(parent, dict) and isinstance(last, str):
        parent.pop(last, None)
        if last in block.get("required", ()):
            parent[last] = example_value(block["properties"][last])
