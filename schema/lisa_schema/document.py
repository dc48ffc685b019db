"""The configuration as a tree that remembers where each key and each value was written.

Scalars keep their written text. What a text means is decided by the field that it is for: in a field of text,
`accountNumber: 012345678901`, `tag: 1.10` and `on` stay what was written; elsewhere the core schema of YAML 1.2 holds,
less the forms that YAML 1.1 reads differently (`010`, `1_000`, `1:30`, `.inf`), which stay text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from lisa_schema.diagnostics import Diagnostic, Origin

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,16}\Z")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

Path = tuple[str | int, ...]
"""Keys and list positions from the root to a node."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A scalar.

    Attributes:
        text: what was written, escapes resolved.
        origin: where it begins.
        plain: whether it was written without quotes, so that it may be a number, a boolean or null.
    """

    text: str
    origin: Origin
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether it is null: nothing, `~` or `null` without quotes."""
        return self.plain and self.text in _NULLS

    @property
    def value(self) -> str | int | float | bool | None:
        """The value of a plain scalar in a field without a declared type."""
        return plain_value(self.text) if self.plain else self.text


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    items: tuple[Node, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """A value in a mapping, and where its key was written."""

    node: Node
    key_origin: Origin


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping; its entries are in the order of the file."""

    entries: Mapping[str, Entry]
    origin: Origin

    def get(self, key: str) -> Node | None:
        """Return the value of a key, or None."""
        entry = self.entries.get(key)
        return entry.node if entry else None


Node = ScalarNode | SequenceNode | MappingNode


@dataclass(frozen=True, slots=True)
class Document:
    """The merged configuration of one environment.

    Attributes:
        root: the tree; each node keeps the origin of the layer that it comes from.
        errors: what is wrong with the files that did not keep them from being read, such as a duplicate key.
        environment: the environment's name, for commands that a fix names.
    """

    root: MappingNode
    errors: tuple[Diagnostic, ...] = ()
    environment: str = ""

    def find(self, path: Sequence[str | int]) -> Node | None:
        """Return the node at a path, or None."""
        node: Node | None = self.root
        for step in path:
            node = child(node, step)
            if node is None:
                return None
        return node

    def origin(self, path: Sequence[str | int]) -> Origin:
        """Return where the value at a path was written; where there is none, its nearest parent's place."""
        return self._nearest(path)[0]

    def key_origin(self, path: Sequence[str | int]) -> Origin:
        """Return where the key at the end of a path was written; for a list item, the item's place."""
        return self._nearest(path)[1]

    def leaves(self) -> Iterator[tuple[Path, ScalarNode]]:
        """Walk over the scalars in the order of the files."""
        yield from _leaves((), self.root)

    def plain(self) -> dict[str, object]:
        """Return the tree as plain data, its scalars read without regard to their fields."""
        data = plain_data(self.root)
        return data if isinstance(data, dict) else {}

    def _nearest(self, path: Sequence[str | int]) -> tuple[Origin, Origin]:
        node: Node = self.root
        key_origin = node.origin
        for step in path:
            below = child(node, step)
            if below is None:
                return key_origin, key_origin
            key_origin = _key_origin(node, step, below)
            node = below
        return node.origin, key_origin


def _key_origin(parent: Node, step: str | int, below: Node) -> Origin:
    if isinstance(parent, MappingNode) and isinstance(step, str):
        return parent.entries[step].key_origin
    return below.origin


def _leaves(path: Path, node: Node) -> Iterator[tuple[Path, ScalarNode]]:
    if isinstance(node, ScalarNode):
        yield path, node
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.items):
            yield from _leaves((*path, index), item)
    else:
        for key, entry in node.entries.items():
            yield from _leaves((*path, key), entry.node)


def child(node: Node | None, step: str | int) -> Node | None:
    """Return what is below a node at a key or position, or None."""
    if isinstance(node, MappingNode) and isinstance(step, str):
        return node.get(step)
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def mapping(entries: Mapping[str, Entry], origin: Origin) -> MappingNode:
    """Make a mapping that nobody can change."""
    return MappingNode(MappingProxyType(dict(entries)), origin)


def plain_value(text: str) -> str | int | float | bool | None:
    """Read a scalar without quotes: null, boolean, integer, float, else the text itself."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.match(text):
        return int(text)
    if _HEXADECIMAL.match(text):
        return int(text, 16)
    if _FLOAT.match(text) and math.isfinite(number := float(text)):
        return number
    return text


def plain_data(node: Node) -> object:
    """Return a node as plain data, its scalars read without regard to their fields."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, SequenceNode):
        return [plain_data(item) for item in node.items]
    return {key: plain_data(entry.node) for key, entry in node.entries.items()}


def written_text(value: object) -> str:
    """Return a plain value as YAML writes it: `true`, `1.5`, the text itself."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def node_of(value: object, origin: Origin) -> Node:
    """Make a node of plain data, such as an option's value; every part has the same origin."""
    if isinstance(value, ScalarNode | SequenceNode | MappingNode):
        return value
    if isinstance(value, Mapping):
        entries = {str(key): Entry(node_of(item, origin), origin) for key, item in value.items()}
        return mapping(entries, origin)
    if isinstance(value, list | tuple):
        return SequenceNode(tuple(node_of(item, origin) for item in value), origin)
    return ScalarNode(written_text(value), origin, plain=not isinstance(value, str))


def key_path(path: Sequence[str | int]) -> str:
    """Write a path as a user writes it with `--set`: `ecsModels[0].instanceType`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", step):
            text += f".{step}" if text else step
        else:
            text += f"[{step}]"
    return text
