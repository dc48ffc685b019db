"""A change as JSON, for programs."""

from __future__ import annotations

import json
from typing import Any

from lisa_compiler.review.change import OutputChange
from lisa_compiler.review.differences import ABSENT, Difference, shown_path
from lisa_compiler.review.fit import Cost
from lisa_compiler.review.rendering import Comparison
from lisa_compiler.review.resources import ResourceChange


def as_data(change: OutputChange, compared: Comparison) -> str:
    """Write a change as JSON."""
    low, high = change.capacity_before, change.capacity_after
    content = {
        "schemaVersion": 2,
        "environment": change.environment,
        "base": {"commit": compared.base, "reference": compared.reference},
        "warnings": list(compared.warnings),
        "settings": [_difference(difference) for difference in change.settings],
        "impacts": [
            {"category": impact.category.name.lower(), "text": impact.text, "items": list(impact.items)}
            for impact in change.impacts
        ],
        "capacity": {
            side: {
                end: {
                    "instances": capacity.instances,
                    "gpus": capacity.gpus,
                    "gpuHoursPerDay": capacity.gpu_hours_per_day,
                }
                for end, capacity in zip(("minimum", "maximum"), pair, strict=True)
            }
            for side, pair in (("before", low), ("after", high))
        },
        "cost": {"before": _cost(change.cost_before), "after": _cost(change.cost_after)},
        "stacks": {
            "added": [stack.component for stack in change.added],
            "removed": [stack.component for stack in change.removed],
        },
        "weights": list(change.weights),
        "resources": [_resource(resource) for resource in change.by_effect],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _cost(cost: Cost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {
        "currency": cost.currency,
        "minimumPerHour": cost.low,
        "maximumPerHour": cost.high,
        "unknown": list(cost.unknown),
    }


def _difference(difference: Difference) -> dict[str, Any]:
    sides = {"before": difference.before, "after": difference.after}
    return {"path": shown_path(difference.path), **{side: v for side, v in sides.items() if v is not ABSENT}}


def _resource(change: ResourceChange) -> dict[str, Any]:
    resource = change.resource
    return {
        "stack": resource.component,
        "logicalId": resource.logical_id,
        "type": resource.type,
        "effect": change.effect.name.lower(),
        "differences": [_difference(difference) for difference in change.differences],
        "settings": list(change.settings),
        "causedBy": {shown_path(path): "/".join(key) for path, key in change.caused_by.items()},
    }
