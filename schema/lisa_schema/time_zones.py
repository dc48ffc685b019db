"""Time zones: the canonical names of the IANA time zone database, and its aliases.

The table is data/time_zones.json, made by tools/refresh_time_zones.py, so that a configuration is valid or not on every
machine alike, whichever time zones its system has.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, cast


def is_time_zone(name: str) -> bool:
    """Whether a name is the canonical one of a time zone."""
    return name in _zones()


def canonical_zone(name: str) -> str | None:
    """Return the canonical name of an alias; None for a name that is none."""
    return cast("Mapping[str, str]", _table()["aliases"]).get(name)


def closest_zones(name: str) -> list[str]:
    """Return up to two canonical names that look like a name, or end with it."""
    ending = [zone for zone in sorted(_zones()) if zone.rpartition("/")[2].lower() == name.rpartition("/")[2].lower()]
    return (ending or difflib.get_close_matches(name, sorted(_zones()), 2))[:2]


@cache
def _zones() -> frozenset[str]:
    return frozenset(_table()["zones"].split())


@cache
def _table() -> Mapping[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "time_zones.json").read_text(encoding="utf-8")
    return cast("Mapping[str, Any]", json.loads(text))
