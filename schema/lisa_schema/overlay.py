"""Layers of configuration, put one over the other: base ← environment block ← overlay file ← options.

Mappings merge deeply. Three lists merge by the name of their entries; other lists replace. An explicit null takes the
default back. A block that has variants (an image, an OpenSearch configuration) is replaced when the variant changes,
since the keys of one variant mean nothing to another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lisa_schema import diagnostic_types
from lisa_schema.diagnostics import Diagnostic, Origin
from lisa_schema.document import (
    Document,
    Entry,
    MappingNode,
    Node,
    Path,
    ScalarNode,
    SequenceNode,
    key_path,
    mapping,
    node_of,
)
from lisa_schema.errors import ConfigurationError
from lisa_schema.legacy_syntax import hoist_base_images
from lisa_schema.yaml_reader import read_yaml

KEYED_LISTS: Final[dict[Path, tuple[str, ...]]] = {
    ("ecsModels",): ("modelId", "modelName"),
    ("ragRepositories",): ("repositoryId",),
    ("litellmConfig", "model_list"): ("model_name",),
}
"""Lists whose entries merge, and the keys that name an entry: the first that it has."""

_STEP: Final = re.compile(r"\.?(?P<key>[^.\[\]]+)|\[(?P<inner>[^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class Override:
    """A value that an option gives.

    Attributes:
        option: the option as it was given, `--region` or `--set ecsModels[0].deploy`.
        path: keys, list positions, and names of entries of the keyed lists.
        value: plain data or a node; None takes the default back.
    """

    option: str
    path: tuple[str | int, ...]
    value: object


def merge(layers: Sequence[MappingNode], overrides: Sequence[Override] = ()) -> Document:
    """Merge layers, the first the lowest, and put the overrides on top."""
    errors: list[Diagnostic] = []
    root = mapping({}, layers[0].origin if layers else Origin(""))
    for layer in layers:
        hoisted, found = hoist_base_images(layer)
        errors += found
        root = _merge_mappings(root, hoisted, (), errors)
    for override in overrides:
        origin = Origin(override.option)
        try:
            changed = _set_value(root, override.path, node_of(override.value, origin), ())
        except _UnknownPathError as nowhere:
            path = key_path(override.path)
            errors.append(diagnostic_types.OPTION_PATH.at(origin, str(nowhere), key_path=path))
        else:
            root, found = hoist_base_images(changed) if isinstance(changed, MappingNode) else (root, ())
            errors += found
    return Document(root, tuple(errors))


def parse_override(text: str) -> Override:
    """Read `path=value`, as `--set` takes it: the value is YAML.

    Raises ConfigurationError when the path or the value cannot be read.
    """
    written, equals, value = text.partition("=")
    if written.count("[") != written.count("]"):
        inner = text.rfind("]")
        cut = text.find("=", inner + 1)
        written, equals, value = (text[:cut], "=", text[cut + 1 :]) if inner >= 0 and cut >= 0 else (text, "", "")
    option = f"--set {written}"
    if not equals:
        message = f"`{text}` must be PATH=VALUE."
        raise ConfigurationError([diagnostic_types.OPTION_PATH.at(Origin("--set"), message)])
    path = _parse_path(written.strip(), option)
    try:
        node, errors = read_yaml(value, option)
    except ConfigurationError as error:
        raise ConfigurationError(_of_option(option, error.diagnostics)) from error
    if errors:
        raise ConfigurationError(_of_option(option, errors))
    origin = Origin(option)
    return Override(option, path, ScalarNode("", origin) if node is None else _relocated(node, origin))


def _parse_path(written: str, option: str) -> Path:
    steps: list[str | int] = []
    position = 0
    while position < len(written):
        found = _STEP.match(written, position)
        if found is None or (position == 0 and written[0] in ".["):
            message = f"`{written}` is not a valid path, starting at `{written[position:]}`."
            raise ConfigurationError([diagnostic_types.OPTION_PATH.at(Origin(option), message)])
        inner = found["inner"]
        if inner is None:
            steps.append(found["key"])
        else:
            steps.append(int(inner) if re.fullmatch(r"[0-9]{1,6}", inner) else inner.strip("'\""))
        position = found.end()
    if not steps:
        raise ConfigurationError([diagnostic_types.OPTION_PATH.at(Origin(option), "The path before `=` is empty.")])
    return tuple(steps)


def _of_option(option: str, diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    return [diagnostic_types.OPTION_VALUE.at(Origin(option), found.message) for found in diagnostics]


def _relocated(node: Node, origin: Origin) -> Node:
    if isinstance(node, ScalarNode):
        return ScalarNode(node.text, origin, node.plain)
    if isinstance(node, SequenceNode):
        return SequenceNode(tuple(_relocated(item, origin) for item in node.items), origin)
    entries = {key: Entry(_relocated(entry.node, origin), origin) for key, entry in node.entries.items()}
    return mapping(entries, origin)


def _merge_nodes(lower: Node, upper: Node, path: Path, errors: list[Diagnostic]) -> Node:
    if isinstance(lower, MappingNode) and isinstance(upper, MappingNode):
        if _variant(path, upper) not in (None, _variant(path, lower)):
            return upper
        return _merge_mappings(lower, upper, path, errors)
    if isinstance(lower, SequenceNode) and isinstance(upper, SequenceNode) and path in KEYED_LISTS:
        return _merge_lists(lower, upper, path, errors)
    return upper


def _merge_mappings(lower: MappingNode, upper: MappingNode, path: Path, errors: list[Diagnostic]) -> MappingNode:
    entries = dict(lower.entries)
    for key, entry in upper.entries.items():
        below = entries.get(key)
        node = entry.node if below is None else _merge_nodes(below.node, entry.node, (*path, key), errors)
        entries[key] = Entry(node, entry.key_origin)
    return mapping(entries, upper.origin)


def _merge_lists(lower: SequenceNode, upper: SequenceNode, path: Path, errors: list[Diagnostic]) -> SequenceNode:
    items = list(lower.items)
    merged: set[int] = set()
    for position, item in enumerate(upper.items):
        matches = _matches(lower.items, item, path)
        if len(matches) > 1:
            at = key_path((*path, position))
            message = f"{len(matches)} entries below this overlay have the name of this entry."
            errors.append(diagnostic_types.OVERLAY_AMBIGUOUS.at(item.origin, message, key_path=at))
        elif matches and matches[0] not in merged:
            merged.add(matches[0])
            items[matches[0]] = _merge_nodes(items[matches[0]], item, (*path, 0), errors)
        else:
            # An overlay that names one entry twice keeps both, so that the rules report the duplicate.
            items.append(item)
    return SequenceNode(tuple(items), upper.origin)


def _matches(items: Sequence[Node], wanted: Node, path: Path) -> list[int]:
    """Positions of the entries that an entry means: those of its own name, else those that share its last name."""
    keys = KEYED_LISTS[path]
    name = _identity(wanted, keys)
    if name is None:
        return []
    exact = [index for index, item in enumerate(items) if _identity(item, keys) == name]
    if exact or _named(wanted, keys[0]) is not None:
        return exact
    return [index for index, item in enumerate(items) if _named(item, keys[-1]) == name]


def _identity(node: Node, keys: Sequence[str]) -> str | None:
    return next((name for key in keys if (name := _named(node, key)) is not None), None)


def _named(node: Node, key: str) -> str | None:
    value = node.get(key) if isinstance(node, MappingNode) else None
    return value.text if isinstance(value, ScalarNode) and not value.is_null and value.text else None


def _variant(path: Path, node: MappingNode) -> str | None:
    """Name the variant of a block that has variants; None when it has none or does not say."""
    last = path[-1] if path else ""
    if last == "image":
        kind = node.get("type")
        if isinstance(kind, ScalarNode) and not kind.is_null:
            return kind.text
        telling = {"repositoryArn": "ecr", "registry": "registry", "baseImage": "asset"}
        return next((kind for key, kind in telling.items() if key in node.entries), None)
    if last == "opensearchConfig":
        return "endpoint" if "endpoint" in node.entries else "domain"
    return None


class _UnknownPathError(Exception):
    """A path of an option that leads nowhere."""


def _set_value(node: Node | None, steps: Path, value: Node, path: Path) -> Node:
    if not steps:
        return value if node is None else _merge_over(node, value, path)
    step, rest = steps[0], steps[1:]
    if isinstance(node, SequenceNode):
        return _put_in_list(node, step, rest, value, path)
    if isinstance(step, int):
        raise _UnknownPathError(f"`{key_path(path) or 'the configuration'}` is not a list, so it has no [{step}].")
    if isinstance(node, ScalarNode) and not node.is_null:
        raise _UnknownPathError(f"`{key_path(path)}` is a value, so it has no key `{step}`.")
    entries = dict(node.entries) if isinstance(node, MappingNode) else {}
    below = entries.get(step)
    changed = _set_value(below.node if below else None, rest, value, (*path, step))
    entries[step] = Entry(changed, value.origin if not rest or below is None else below.key_origin)
    return mapping(entries, node.origin if node else value.origin)


def _put_in_list(node: SequenceNode, step: str | int, rest: Path, value: Node, path: Path) -> Node:
    items = list(node.items)
    if isinstance(step, str):
        keys = KEYED_LISTS.get(path, ())
        found = [index for index, item in enumerate(items) if _identity(item, keys) == step]
        if len(found) != 1:
            names = ", ".join(f"[{name}]" for item in items if (name := _identity(item, keys)))
            has = f" It has {names}." if names else f" It has positions 0 to {len(items) - 1}." if items else ""
            raise _UnknownPathError(f"`{key_path(path)}` has no single entry `{step}`.{has}")
        step = found[0]
    if step > len(items):
        raise _UnknownPathError(f"`{key_path(path)}` has {len(items)} entries, so it has no [{step}].")
    changed = _set_value(items[step] if step < len(items) else None, rest, value, (*path, 0))
    return SequenceNode((*items[:step], changed, *items[step + 1 :]), node.origin)


def _merge_over(node: Node, value: Node, path: Path) -> Node:
    return _merge_nodes(node, value, path, [])
