"""Defaults: what a setting is when nobody writes it, as the schema of the configuration says."""

from __future__ import annotations

from typing import Any

from lisa_compiler.review.differences import ABSENT, Name, Path
from lisa_schema.effective import Schema, effective, part_of


def default_of(path: Path) -> Any:
    """Return the default of the setting at a path, or ABSENT when it has none."""
    part: Schema = effective()
    for step in path:
        part = part_of(part, 0 if isinstance(step, int | Name) else step, {})
    return part.get("default", ABSENT)
