"""A finding: one thing about a change that a reviewer should know, and how much it matters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Danger(Enum):
    """Kinds of findings, the most dangerous first; the value is the heading."""

    LOSES = "Loses data"
    OPENS = "Opens access"
    MOVES = "Becomes another deployment"
    HAND = "Needs a hand to deploy"
    INTERRUPTS = "Interrupts"
    PERMITS = "Permits more"
    LEAVES = "Leaves behind"
    REMOVES = "Removes"
    ADDS = "Adds"
    RUNS = "Runs other code or weights"
    CLOSES = "Narrows access"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know.

    Attributes:
        danger: what kind of thing it is.
        text: a sentence; names are in backticks.
        items: its parts, where there are several: statements of a policy.
    """

    danger: Danger
    text: str
    items: tuple[str, ...] = ()


def most_dangerous_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sort findings by danger; those of one kind stay in the order in which they were found, each once."""
    order = {danger: place for place, danger in enumerate(Danger)}
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: order[finding.danger]))
