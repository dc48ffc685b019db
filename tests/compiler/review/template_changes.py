"""Two versions of a stack's resources, and the impacts of the change."""

from __future__ import annotations

from typing import Any

from lisa_compiler.review.change import compare
from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output

from .conftest import ENVIRONMENT
from .outputs import output, resource


def told(before: Output | None, after: Output | None) -> dict[ImpactCategory, str]:
    """The impacts, as one text for each category."""
    found: dict[ImpactCategory, str] = {}
    for impact in compare(ENVIRONMENT, before, after).impacts:
        words = "\n".join((impact.text, *impact.items))
        found[impact.category] = "\n".join(filter(None, (found.get(impact.category), words)))
    return found


def one(kind: str, **properties: Any) -> Output:
    return output({"core": {"Thing": resource(kind, **properties)}})
