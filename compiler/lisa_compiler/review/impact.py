"""Impact: one consequence of a change that a reviewer must know, and its category."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class ImpactCategory(Enum):
    """Categories of impacts, highest risk first; the value is the heading."""

    DATA_LOSS = "Data loss"
    EXPOSURE = "Security exposure"
    RECORDED_CONTENT = "Recording of content"
    NEW_DEPLOYMENT = "Creates a new deployment"
    MANUAL_STEPS = "Manual steps required"
    INTERRUPTION = "Service interruption"
    BROADER_ACCESS = "Broader access"
    ORPHANED = "Orphaned resources"
    REMOVED = "Removed"
    ADDED = "Added"
    CODE_CHANGED = "Code or weights changed"
    REDUCED_RISK = "Risk reduced"


@dataclass(frozen=True, slots=True)
class Impact:
    """One consequence of a change.

    Attributes:
        category: kind of consequence.
        text: a sentence; names are in backticks.
        items: details where there are several: statements of a policy.
    """

    category: ImpactCategory
    text: str
    items: tuple[str, ...] = ()


def impact_lines(impacts: Iterable[Impact]) -> tuple[str, ...]:
    """Write impacts as lines without Markdown, each with its category."""
    plain = (f"{impact.category.value}: {' '.join((impact.text, *impact.items))}" for impact in impacts)
    return tuple(line.replace("**", "").replace("`", "") for line in plain)


def sort_by_risk(impacts: list[Impact]) -> tuple[Impact, ...]:
    """Sort impacts by category, highest risk first; within a category, keep their order and drop duplicates."""
    order = {category: place for place, category in enumerate(ImpactCategory)}
    return tuple(sorted(dict.fromkeys(impacts), key=lambda impact: order[impact.category]))
