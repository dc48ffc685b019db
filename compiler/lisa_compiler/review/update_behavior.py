"""What CloudFormation does to a resource when one of its properties changes.

The table is update_behavior.json, made by tools/refresh_update_behavior.py from the resource types' own schemas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Any, cast


class UpdateBehavior(IntEnum):
    """What a changed property means for its resource; the greater, the worse."""

    IN_PLACE = 0
    UNKNOWN = 1
    INTERRUPTS = 2
    MAY_REPLACE = 3
    REPLACES = 4


_KEYS = {
    "replaces": UpdateBehavior.REPLACES,
    "mayReplace": UpdateBehavior.MAY_REPLACE,
    "interrupts": UpdateBehavior.INTERRUPTS,
}


def update_behavior(resource_type: str, path: Sequence[str | int]) -> UpdateBehavior:
    """Tell what a change at a path of a resource's properties does to it."""
    entry = _types().get(resource_type)
    if entry is None:
        # A custom resource has any type that begins so; a changed property is its function's to deal with.
        return UpdateBehavior.IN_PLACE if resource_type.startswith("Custom::") else UpdateBehavior.UNKNOWN
    worst = UpdateBehavior.IN_PLACE
    for key, meaning in _KEYS.items():
        if any(_touch(path, known.split("/")) for known in entry.get(key, ())):
            worst = max(worst, meaning)
    return worst


def name_property(resource_type: str) -> str | None:
    """The property by which a person names resources of a type, so that two of one name cannot be."""
    return cast("str | None", _types().get(resource_type, {}).get("name"))


def _touch(path: Sequence[str | int], known: Sequence[str]) -> bool:
    shorter = min(len(path), len(known))
    return list(path[:shorter]) == list(known[:shorter])


@cache
def _types() -> Mapping[str, Mapping[str, Any]]:
    text = (resources.files("lisa_compiler.review") / "update_behavior.json").read_text(encoding="utf-8")
    return cast("Mapping[str, Mapping[str, Any]]", json.loads(text)["types"])
