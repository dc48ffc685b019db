"""Stores of RAG repositories: OpenSearch instance types with their volumes, and classes of databases, by Region.

The table is data/stores.json, made by refresh_tables.py. Regions whose price lists are not published have no entry.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from importlib import resources
from typing import Any, Final, cast

_SUFFIX: Final = ".search"
_WARM: Final = "ultrawarm1"
_DATABASE_CLASS: Final = "db.m6i.large"
_ISOLATED_DATABASE_CLASS: Final = "db.m5.large"


def search_type_exists(name: str) -> bool:
    """Whether any Region has an OpenSearch instance type (`r7g.large.search`)."""
    return name.removesuffix(_SUFFIX) in _search_types()


def search_type_offered(name: str, region: str) -> bool | None:
    """Whether a Region has an OpenSearch instance type; None when not known."""
    entry = _table()["regions"].get(region)
    if entry is None:
        return None
    plain = name.removesuffix(_SUFFIX)
    return plain.partition(".")[0] in entry["families"].split() or plain in entry["types"].split()


def nearest_search_types(name: str, region: str, n: int = 3) -> tuple[str, ...]:
    """The OpenSearch instance types of a Region that are most like a wrong one, best first."""
    known = [one for one in _search_types() if search_type_offered(one, region) is not False and can_hold_data(one)]
    plain = name.strip().lower().removesuffix(_SUFFIX)
    family = [one for one in known if one.partition(".")[0] == plain.partition(".")[0]]
    matches = difflib.get_close_matches(plain, family, n, cutoff=0.0)
    return tuple(f"{one}{_SUFFIX}" for one in matches or difflib.get_close_matches(plain, known, n, cutoff=0.5))


def can_hold_data(name: str) -> bool:
    """Whether a data node can be of the type: with an encrypted gp3 volume, which LISA's domains have."""
    return not data_node_problem(name)


def data_node_problem(name: str) -> str:
    """Why a data node cannot be of a type, a clause; empty when it can."""
    family = name.partition(".")[0]
    if family == _WARM:
        return "is for UltraWarm nodes"
    if family in _table()["withoutEbs"].split():
        return "has instance storage and accepts no EBS volume"
    if family in _table()["gp2Only"].split():
        return "does not support gp3 volumes"
    return ""


def search_volume_gib(name: str) -> tuple[int, int | None]:
    """The smallest and the largest gp3 volume of a data node in GiB; None where the maximum is not known."""
    family, _, size = name.removesuffix(_SUFFIX).partition(".")
    table = _table()
    return int(table["minimumGiB"].get(family, 10)), table["gp3GiB"].get(family, {}).get(size)


def database_class(region: str, *, is_isolated: bool) -> str:
    """The class of a PostgreSQL database with 2 vCPUs and 8 GiB that a Region sells, the same for as long as it does.

    Args:
        region: name of the Region.
        is_isolated: whether it is in an isolated partition, whose price lists are not published.
    """
    classes = _table()["databaseClasses"].get(region, "").split()
    return classes[0] if classes else _ISOLATED_DATABASE_CLASS if is_isolated else _DATABASE_CLASS


@cache
def _search_types() -> tuple[str, ...]:
    return tuple(_table()["searchTypes"].split())


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "stores.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


TABLE_DATE: Final[str] = _table()["date"]
"""The day whose state the table describes, `2026-11-22`."""
