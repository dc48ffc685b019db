"""Reading the document by its fields: a field of text takes a scalar's written text, other fields what it means.

What is null or empty is left out, so that its default holds; where it was is remembered, since a blank required field
gets another diagnostic than a missing one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lisa_schema.document import Document, MappingNode, Node, Path, ScalarNode, SequenceNode, plain_data
from lisa_schema.effective import Schema, branch, effective


@dataclass(frozen=True, slots=True)
class FieldValues:
    """The merged configuration as plain data.

    Attributes:
        data: what the effective schema describes.
        blank: paths of the values that were null or empty.
    """

    data: dict[str, Any]
    blank: frozenset[Path]


def read_fields(document: Document) -> FieldValues:
    """Read a document by the fields of the effective schema."""
    blank: set[Path] = set()
    data = _mapping(document.root, effective(), (), blank)
    return FieldValues(data, frozenset(blank))


def _value(node: Node, schema: Schema, path: Path, blank: set[Path]) -> Any:
    if isinstance(node, MappingNode):
        return _mapping(node, schema, path, blank)
    if isinstance(node, SequenceNode):
        items = branch(schema, None).get("items", {})
        return [_value(item, items, (*path, index), blank) for index, item in enumerate(node.items)]
    if not node.is_null and branch(schema, None).get("type") == "string":
        return node.text
    return node.value


def _mapping(node: MappingNode, schema: Schema, path: Path, blank: set[Path]) -> dict[str, Any]:
    schema = branch(schema, _shape(node))
    properties: Mapping[str, Schema] = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    data: dict[str, Any] = {}
    for key, entry in node.entries.items():
        below = entry.node
        if key in properties:
            if _is_blank(below):
                blank.add((*path, key))
            else:
                data[key] = _value(below, properties[key], (*path, key), blank)
        elif isinstance(rest, Mapping):
            if not (isinstance(below, ScalarNode) and below.is_null):
                data[key] = _value(below, rest, (*path, key), blank)
        else:
            data[key] = plain_data(below)
    return data


def _shape(node: MappingNode) -> dict[str, str | None]:
    """Return the keys of a mapping that are filled in, with the texts of its scalars, to tell its variant by."""
    return {
        key: entry.node.text if isinstance(entry.node, ScalarNode) else None
        for key, entry in node.entries.items()
        if not _is_blank(entry.node)
    }


def _is_blank(node: Node) -> bool:
    return isinstance(node, ScalarNode) and (node.is_null or not node.text)
