"""What cfn-lint has of stores by Region: OpenSearch instance types, and classes of PostgreSQL databases.

Read by refresh_tables.py. cfn-lint takes both from AWS's price lists, which name what a Region sells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

SEARCH_TYPES = "data/schemas/extensions/aws_opensearchservice_domain/clusterconfig_instancetype_enum.json"
DATABASE_CLASSES = "data/schemas/extensions/aws_rds_dbinstance/dbinstanceclass_enum.json"

# Classes that the planner chooses from, best first; 2 vCPUs and 8 GiB each.
CLASSES = ("db.m6i.large", "db.m5.large", "db.m7i.large", "db.m6g.large", "db.m7g.large")


def search_types(packaged: Callable[[str, str], Any]) -> dict[str, dict[str, str]]:
    """OpenSearch instance types by Region, without `.search`: families sold in all sizes, and single types."""
    regions = {
        name: entry["enum"] for name, entry in packaged("cfnlint", SEARCH_TYPES).items() if name != "description"
    }
    offered = {name: {one.removesuffix(".search") for one in types} for name, types in regions.items()}
    sizes: dict[str, set[str]] = defaultdict(set)
    for types in offered.values():
        for one in types:
            sizes[one.partition(".")[0]].add(one)
    return {name: _compact(sizes, types) for name, types in sorted(offered.items())}


def database_classes(packaged: Callable[[str, str], Any]) -> dict[str, str]:
    """Of CLASSES those that a Region sells for PostgreSQL, in their order."""
    regions = packaged("cfnlint", DATABASE_CLASSES)
    return {
        name: " ".join(one for one in CLASSES if one in _of_postgres(entry["allOf"]))
        for name, entry in sorted(regions.items())
        if name != "description"
    }


def all_search_types(packaged: Callable[[str, str], Any]) -> str:
    """Every OpenSearch instance type of any Region, without `.search`."""
    regions = packaged("cfnlint", SEARCH_TYPES)
    found = {one for name, entry in regions.items() if name != "description" for one in entry["enum"]}
    return " ".join(sorted(one.removesuffix(".search") for one in found))


def _compact(sizes: dict[str, set[str]], types: set[str]) -> dict[str, str]:
    complete = sorted(family for family, names in sizes.items() if names <= types)
    single = sorted(one for one in types if one.partition(".")[0] not in complete)
    return {"families": " ".join(complete), "types": " ".join(single)}


def _of_postgres(conditions: Iterable[dict[str, Any]]) -> set[str]:
    found: set[str] = set()
    for one in conditions:
        engine = one["if"]["properties"].get("Engine", {})
        if engine.get("const") == "postgres":
            found.update(one["then"]["properties"]["DBInstanceClass"]["enum"])
    return found
