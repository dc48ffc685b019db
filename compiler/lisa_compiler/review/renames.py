"""Renamed models: a new stack replaces the old one, because the names of its resources derive from the model's ID."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lisa_compiler.review.durations import start_duration
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output

_ID = "modelId"


def find_renames(before: Output, after: Output) -> Iterator[Impact]:
    """Find models that are removed and added with nothing but another ID."""
    old = {name: config for name, config in before.models().items() if name not in after.stacks}
    new = {name: config for name, config in after.models().items() if name not in before.stacks}
    for component, config in new.items():
        former = next((name for name, other in old.items() if _without_id(other) == _without_id(config)), None)
        if former is None:
            continue
        was = old.pop(former)
        duration = start_duration(after, component, drains=False, launches=True)
        yield Impact(
            ImpactCategory.INTERRUPTION,
            f"**{after.stacks[component].title}** replaces `{_identifier(was)}`, which has another ID alone: names of "
            "resources derive from it, so that a new stack with new instances is created. `lisa deploy` destroys the "
            f"old stack first; the model is unavailable for {duration}, and while load balancer and service are "
            f"created. To avoid that, deploy `{_identifier(config)}` next to `{_identifier(was)}`, move its callers, "
            "and remove the old one in a later deployment.",
        )


def _without_id(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != _ID}


def _identifier(config: Mapping[str, Any]) -> str:
    return str(config.get(_ID) or config["modelName"])
