"""Compare two templates: which resources differ, and in which of their properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_ABSENT = object()


class ChangeType(StrEnum):
    """How a resource of one template differs from that of another."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One value that differs.

    Attributes:
        path: keys and positions, as `ContainerDefinitions/0/Image`.
        before: the value in the first template; None when it has none.
        after: that in the second.
    """

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One resource that differs.

    Attributes:
        logical_id: its name in the template.
        resource_type: as `AWS::ECS::Service`.
        difference: how it differs.
        properties: what differs of one that both have.
    """

    logical_id: str
    resource_type: str
    difference: ChangeType
    properties: tuple[PropertyChange, ...] = ()


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    """Compare the resources of two templates, in order of their logical ids."""
    old: Mapping[str, Any] = before.get("Resources", {})
    new: Mapping[str, Any] = after.get("Resources", {})
    found = []
    for logical_id in sorted(old.keys() | new.keys()):
        if logical_id not in old:
            found.append(ResourceChange(logical_id, new[logical_id]["Type"], ChangeType.ADDED))
        elif logical_id not in new:
            found.append(ResourceChange(logical_id, old[logical_id]["Type"], ChangeType.REMOVED))
        elif old[logical_id] != new[logical_id]:
            properties = tuple(_differing(_flat(old[logical_id]), _flat(new[logical_id]), ""))
            found.append(ResourceChange(logical_id, new[logical_id]["Type"], ChangeType.CHANGED, properties))
    return tuple(found)


def _flat(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource with its properties beside its attributes, such as DeletionPolicy."""
    return {**{key: value for key, value in resource.items() if key != "Properties"}, **resource.get("Properties", {})}


def _differing(before: Any, after: Any, path: str) -> Iterator[PropertyChange]:
    if isinstance(before, dict) and isinstance(after, dict) and not _is_intrinsic(before) and not _is_intrinsic(after):
        for key in sorted(before.keys() | after.keys()):
            yield from _differing(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}/{key}".lstrip("/"))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differing(old, new, f"{path}/{index}")
    elif before is not after and before != after:
        yield PropertyChange(path, _plain(before), _plain(after))


def _is_intrinsic(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))


def _plain(value: Any) -> Any:
    return None if value is _ABSENT else value
