"""Outages: whatever makes a service unavailable, by an update, by a schedule or by another ID."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lisa_compiler.review.impact import Impact
from lisa_compiler.review.interruptions import find_interruptions
from lisa_compiler.review.output import Output
from lisa_compiler.review.renames import find_renames
from lisa_compiler.review.resources import ResourceChange
from lisa_compiler.review.schedules import compare_schedules


def find_outages(changes: Iterable[ResourceChange], before: Output, after: Output) -> Iterator[Impact]:
    """Find everything that makes a service unavailable for a time."""
    yield from find_interruptions(changes, after)
    yield from compare_schedules(before, after)
    yield from find_renames(before, after)
