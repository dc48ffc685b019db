"""The JSON Schemas of the configuration, made from the models.

Three of them, all draft 2020-12: the *effective* schema, of one environment after the layers are merged, which
validation uses; the schema of the *file* config.yaml; and that of an *overlay* in environments/. The latter two are for
editors: nothing is required in them, since a required key may stand in another layer, and a blank value is allowed.

`python -m lisa_schema.export` writes the committed copies; a test finds them stale.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from lisa_schema.models import Config

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_WHOLE_ENTRIES: Final = frozenset({"Tag"})
"""Blocks that no layer completes: lists of them replace, so that what is required is required at once."""

Schema = dict[str, Any]


def effective_schema() -> Schema:
    """Return the schema of one environment's merged configuration, in which no null is left."""
    schema = Config.model_json_schema(by_alias=True, mode="validation")
    _walk(schema, _without_titles)
    _walk(schema, _without_null)
    return {"$schema": DIALECT, "title": "LISA configuration of one environment", **schema}


def config_schema() -> Schema:
    """Return the schema of config.yaml: `env`, `base`, and a block for each environment."""
    block = {"anyOf": [{"$ref": "#/$defs/Environment"}, {"type": "null"}]}
    return {
        "$schema": DIALECT,
        "title": "LISA config.yaml",
        "description": "The default environment, values of all environments, and a block for each environment.",
        "type": "object",
        "properties": {
            "env": {
                "type": ["string", "null"],
                "description": "Default environment, without --env.",
                "examples": ["dev"],
            },
            "base": {**block, "description": "Values of all environments."},
        },
        "additionalProperties": block,
        "$defs": _layer_definitions(),
    }


def overlay_schema() -> Schema:
    """Return the schema of environments/<env>.yaml."""
    return {
        "$schema": DIALECT,
        "title": "LISA overlay of one environment",
        "$ref": "#/$defs/Environment",
        "$defs": _layer_definitions(),
    }


def schema_text(schema: Schema) -> str:
    """Write a schema as its file has it: sorted, indented, one newline at the end."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


SCHEMA_FILES: Final[dict[str, Callable[[], Schema]]] = {
    "config.schema.json": config_schema,
    "overlay.schema.json": overlay_schema,
    "lisa_schema/schemas/effective.schema.json": effective_schema,
}
"""The committed schemas, by their path in the folder schema/."""


def write_schemas(folder: Path) -> None:
    """Write every committed schema below the folder schema/."""
    for name, make in SCHEMA_FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(schema_text(make()), encoding="utf-8", newline="\n")


def _layer_definitions() -> Schema:
    effective = effective_schema()
    definitions: Schema = effective.pop("$defs")
    environment = {key: value for key, value in effective.items() if key not in ("$schema", "title")}
    definitions["Environment"] = {
        **environment,
        "description": "The configuration of one environment, or a part of it.",
    }
    for name, definition in definitions.items():
        if name not in _WHOLE_ENTRIES:
            definition.pop("required", None)
        _walk(definition, _permissive)
    base_image = deepcopy(definitions["AssetImage"]["properties"]["baseImage"])
    base_image["description"] = "Older form of `image.baseImage`."
    definitions["ContainerConfig"]["properties"]["baseImage"] = base_image
    return definitions


def _walk(schema: Schema, change: Callable[[Schema], None]) -> None:
    """Apply a change to a schema and all its parts, the innermost first."""
    for key in ("properties", "$defs"):
        for part in schema.get(key, {}).values():
            _walk(part, change)
    for key in ("items", "additionalProperties"):
        if isinstance(part := schema.get(key), dict):
            _walk(part, change)
    for key in ("anyOf", "oneOf"):
        for part in schema.get(key, []):
            _walk(part, change)
    change(schema)


def _without_titles(schema: Schema) -> None:
    if isinstance(schema.get("title"), str):
        del schema["title"]


def _without_null(schema: Schema) -> None:
    branches = schema.get("anyOf", [])
    if {"type": "null"} in branches:
        rest = [branch for branch in branches if branch != {"type": "null"}]
        del schema["anyOf"]
        schema.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    if "default" in schema and schema["default"] is None:
        del schema["default"]


def _permissive(schema: Schema) -> None:
    """Allow what a layer may leave to another or write without quotes: numbers as text, and blank values."""
    if "oneOf" in schema:
        schema["anyOf"] = schema.pop("oneOf")
    if isinstance(values := schema.get("additionalProperties"), dict) and values.get("type") == "string":
        values["type"] = ["string", "number", "boolean", "null"]
    if isinstance(items := schema.get("items"), dict) and items.get("type") == "string":
        items["type"] = ["string", "number", "boolean"]
    for name, part in schema.get("properties", {}).items():
        schema["properties"][name] = _or_blank(part)


def _or_blank(part: Schema) -> Schema:
    if part.get("type") == "string" and "const" not in part and "enum" not in part:
        text = {key: value for key, value in part.items() if key != "minLength"}
        if "pattern" in part:
            text["pattern"] = f"^$|{part['pattern']}"
        return {**text, "type": ["string", "number", "boolean", "null"]}
    if isinstance(part.get("type"), str) and "const" not in part and "enum" not in part:
        return {**part, "type": [part["type"], "null"]}
    if not part or "anyOf" in part:
        return part
    told: Schema = {key: part[key] for key in ("description", "default", "examples") if key in part}
    rest = {key: value for key, value in part.items() if key not in told}
    return {**told, "anyOf": [rest, {"type": "null"}]}


if __name__ == "__main__":
    write_schemas(Path(__file__).parents[1])
