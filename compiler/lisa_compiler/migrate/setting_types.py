"""Settings of a file whose type no version of LISA takes: a list where a mapping must be, and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from lisa_schema.effective import branch, effective, resolved

if TYPE_CHECKING:
    from lisa_schema.effective import Schema

_WORDS: Final = {"object": "a mapping", "array": "a list"}
_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})


def type_faults(block: Any) -> Iterator[tuple[int, str]]:
    """Yield the line and a sentence for each setting that is a mapping, a list or a single value where it must not be.

    Other types differ between versions, and are converted. Only keys that this version has are compared.

    Args:
        block: the settings as ruamel.yaml reads them, which knows their lines.
    """
    yield from _faults(block, effective(), "")


def _faults(node: Any, schema: Schema, name: str) -> Iterator[tuple[int, str]]:
    lines: Any = getattr(node, "lc", None)
    if isinstance(node, list):
        items = branch(schema, None).get("items", {})
        for index, item in enumerate(node):
            at = f"{name}[{index}]"
            fault = _fault(at, item, items)
            if fault is not None:
                yield lines.item(index)[0] + 1, fault
            else:
                yield from _faults(item, items, at)
    elif isinstance(node, Mapping):
        properties: Mapping[str, Schema] = branch(schema, node).get("properties", {})
        for key, value in node.items():
            if key not in properties:
                continue
            at = f"{name}.{key}" if name else str(key)
            fault = _fault(at, value, properties[key])
            if fault is not None:
                yield lines.key(key)[0] + 1, fault
            else:
                yield from _faults(value, properties[key], at)


def _fault(name: str, value: Any, schema: Schema) -> str | None:
    wanted = _kinds(schema)
    if value is None or not wanted:
        return None
    is_mapping, is_list = isinstance(value, Mapping), isinstance(value, list)
    kind = "object" if is_mapping else "array" if is_list else "scalar"
    if kind in wanted:
        return None
    shown = "a mapping" if is_mapping else "a list" if is_list else f"`{value}`"
    words = " or ".join(_WORDS.get(one, "a single value") for one in sorted(wanted))
    return f"`{name}` must be {words}, but is {shown}."


def _kinds(schema: Schema) -> set[str]:
    """Whether a value may be a mapping, a list or a single value; empty if the schema does not say."""
    plain = resolved(schema)
    parts = plain.get("oneOf") or plain.get("anyOf")
    if parts:
        each = [_kinds(part) for part in parts]
        return set().union(*each) if all(each) else set()
    if "enum" in plain or "const" in plain:
        return {"scalar"}
    types = plain.get("type", ())
    names = {types} if isinstance(types, str) else set(types)
    return {"scalar" if one in _SCALARS else one for one in names if one != "null"}
