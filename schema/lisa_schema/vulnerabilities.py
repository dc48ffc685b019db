"""Known vulnerabilities of inference servers. The table is data/vulnerabilities.json; each row names its source.

It is dated and incomplete: rows are added by a person who has read the advisory. A version without a row is not
known to be safe.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from lisa_schema.engine_versions import EngineVersion, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """One advisory.

    Attributes:
        id: of the CVE list, or of the Python advisory database.
        summary: what can happen, without a period.
        introduced: the first affected version; None for every earlier one.
        fixed: the first version that is not affected; None if the advisory names none.
        last_affected: the last affected version, where `fixed` is None.
        score: CVSS 3.1 base score, where the source has one.
        source: address of the advisory.
    """

    id: str
    summary: str
    introduced: EngineVersion | None
    fixed: EngineVersion | None
    last_affected: EngineVersion | None
    score: float | None
    source: str

    @property
    def title(self) -> str:
        """Its id and what can happen."""
        return f"{self.id} ({self.summary})"

    def affects(self, installed: EngineVersion) -> bool:
        """Whether a version is affected."""
        if self.introduced is not None and installed < self.introduced:
            return False
        if self.fixed is not None:
            return installed < self.fixed
        return self.last_affected is not None and installed <= self.last_affected


@cache
def known_vulnerabilities(engine: str, installed: EngineVersion) -> tuple[Vulnerability, ...]:
    """Return the known vulnerabilities of a version of an engine, the highest score first, then the newest."""
    found = [one for one in reversed(_vulnerabilities(engine)) if one.affects(installed)]
    return tuple(sorted(found, key=lambda one: -(one.score or 0)))


def safe_versions(engine: str) -> str:
    """Name the versions that no vulnerability of the table affects: `0.32.0 or later`, `later than 0.5.22`."""
    found = _vulnerabilities(engine)
    fixed = max((one.fixed for one in found if one.fixed), default=None)
    last = max((one.last_affected for one in found if one.last_affected), default=None)
    if last is not None and (fixed is None or last >= fixed):
        return f"later than {last}"
    return f"{fixed} or later"


def table_date() -> str:
    """The day of the table, as `2026-11-29`."""
    return str(_table()["date"])


@cache
def _vulnerabilities(engine: str) -> tuple[Vulnerability, ...]:
    rows = cast("list[dict[str, Any]]", _table()["engines"].get(engine, []))
    return tuple(
        Vulnerability(
            id=row["id"],
            summary=row["summary"],
            introduced=None if row["introduced"] == "0" else version(row["introduced"]),
            fixed=version(row["fixed"]) if "fixed" in row else None,
            last_affected=version(row["lastAffected"]) if "lastAffected" in row else None,
            score=row["score"],
            source=row["source"],
        )
        for row in sorted(rows, key=lambda row: row["published"])
    )


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "vulnerabilities.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
