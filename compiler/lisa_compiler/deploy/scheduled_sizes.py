"""Sizes that scheduled actions give an Auto Scaling group now: a difference that they explain is no drift."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lisa_schema.recurrences import last_time, parse

GROUP: Final = "AWS::AutoScaling::AutoScalingGroup"
SIZES: Final = ("MinSize", "MaxSize", "DesiredCapacity")

_ACTION: Final = "AWS::AutoScaling::ScheduledAction"
_MARGIN: Final = timedelta(minutes=10)
"""How late Auto Scaling may be: an action takes effect within minutes."""


def scheduled_sizes(template: Mapping[str, Any], logical_id: str, now: datetime | None = None) -> list[dict[str, str]]:
    """Return the sizes that the last scheduled action of a group sets, and those before if it was minutes ago.

    Args:
        template: the compiled template.
        logical_id: the group.
        now: an aware time; the current one by default.

    Returns:
        By property, the size as text; empty for a group without scheduled actions, or with a time zone that this
        machine does not have.
    """
    at = now or datetime.now(UTC)
    found = []
    for moment in (at, at - _MARGIN):
        sizes = _last_sizes(template, logical_id, moment)
        if sizes is not None and sizes not in found:
            found.append(sizes)
    return found


def _last_sizes(template: Mapping[str, Any], logical_id: str, at: datetime) -> dict[str, str] | None:
    last: tuple[datetime, dict[str, str]] | None = None
    for resource in template.get("Resources", {}).values():
        properties = resource.get("Properties", {})
        if resource["Type"] != _ACTION or properties.get("AutoScalingGroupName") != {"Ref": logical_id}:
            continue
        try:
            local = at.astimezone(ZoneInfo(properties["TimeZone"])).replace(tzinfo=None)
        except ZoneInfoNotFoundError:
            return None
        when = last_time(parse(properties["Recurrence"]), local)
        if when is not None and (last is None or when > last[0]):
            last = when, {name: str(properties[name]) for name in SIZES if name in properties}
    return None if last is None else last[1]
