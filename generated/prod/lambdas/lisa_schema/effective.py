"""The effective schema, as validation walks it: references followed, and the branch of a union that a value means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, cast

Schema = Mapping[str, Any]


@cache
def effective() -> Schema:
    """Return the committed schema of one environment's merged configuration."""
    text = (resources.files("lisa_schema") / "schemas" / "effective.schema.json").read_text(encoding="utf-8")
    return cast("Schema", json.loads(text))


def resolved(schema: Schema) -> Schema:
    """Follow a schema's reference."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return cast("Schema", effective()["$defs"][reference.rpartition("/")[2]])


def branch(schema: Schema, value: object) -> Schema:
    """Return the branch of a union that a value means: by its `type`, else the one that knows most of its keys."""
    schema = resolved(schema)
    branches = [resolved(part) for part in schema.get("oneOf", ())]
    if not branches:
        return schema
    keys = set(value) if isinstance(value, Mapping) else set()
    said = value.get("type") if isinstance(value, Mapping) else None
    for part in branches:
        if said is not None and constant(part) == said:
            return part
    return max(branches, key=lambda part: len(keys & set(part["properties"])))


def constant(schema: Schema) -> str | None:
    """Return the value of `type` that marks a branch, or None."""
    return cast("str | None", schema.get("properties", {}).get("type", {}).get("const"))


def part_of(schema: Schema, key: str | int, value: object) -> Schema:
    """Return the schema of what is in a value at a key or position; {} when it says nothing about it."""
    schema = branch(schema, value)
    if isinstance(key, int):
        return cast("Schema", schema.get("items", {}))
    if key in schema.get("properties", {}):
        return cast("Schema", schema["properties"][key])
    rest = schema.get("additionalProperties", {})
    return cast("Schema", rest) if isinstance(rest, Mapping) else {}


@cache
def key_places() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return the blocks that each key belongs to; `[]` stands for any position of a list."""
    places: dict[str, list[tuple[str, ...]]] = {}
    for path, key in _keys((), effective()):
        places.setdefault(key, []).append(path)
    return {key: tuple(dict.fromkeys(paths)) for key, paths in places.items()}


def _keys(path: tuple[str, ...], schema: Schema) -> Iterator[tuple[tuple[str, ...], str]]:
    schema = resolved(schema)
    for part in schema.get("oneOf", ()):
        yield from _keys(path, part)
    for key, part in schema.get("properties", {}).items():
        yield path, key
        yield from _keys((*path, key), part)
    if isinstance(items := schema.get("items"), Mapping):
        yield from _keys((*path, "[]"), items)
