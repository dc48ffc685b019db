"""Schedules of LISA 6, `autoScalingConfig.scheduling` of its model management API → windows without instances.

LISA 6 has the times at which a model runs: the same ones every day, or one start and one stop for each day. A model
runs from a start to the next stop, on whichever day that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from lisa_schema.recurrences import DAYS
from lisa_schema.time_zones import canonical_zone, is_time_zone

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_LONG_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_BLOCKS: Final = ("dailySchedule", "recurringSchedule", "weeklySchedule")
_WEEK: Final = 7


def read_schedule(written: Mapping[str, Any]) -> dict[str, Any] | None:
    """Write a schedule of LISA 6 as one of a configuration; None where it has no equivalent.

    Args:
        written: the value of `scheduling`.
    """
    zone = str(written.get("timezone") or "UTC")
    zone = zone if is_time_zone(zone) else canonical_zone(zone) or ""
    blocks = [written[name] for name in _BLOCKS if isinstance(written.get(name), Mapping)]
    if not zone or len(blocks) != 1 or written.get("scheduleEnabled") is False:
        return None
    (block,) = blocks
    if times := _times(block):
        start, stop = times
        windows = [] if start == stop else [{"start": stop, "stop": start}]
    else:
        windows = list(_weekly(block))
    closed = [{**window, "minCapacity": 0} for window in windows]
    return {"timeZone": zone, "windows": closed} if closed else None


def _weekly(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """From each stop to the next start of the week."""
    events = sorted(
        (day, time, is_start)
        for day, name in enumerate(_LONG_DAYS)
        if (times := _times(block.get(name)))
        for time, is_start in zip(times, (True, False), strict=True)
    )
    closed = []
    for (day, time, is_start), (next_day, next_time, next_is_start) in zip(
        events, [*events[1:], *events[:1]], strict=True
    ):
        if not is_start and next_is_start:
            closed.append((time, next_time, (next_day - day) % _WEEK, day))
    for (stop, start, days), found in groupby(sorted(closed), key=lambda each: each[:3]):
        on = [each[3] for each in found]
        if days == (0 if start > stop else 1):
            yield {"start": stop, "stop": start, "days": [DAYS[day] for day in on]}
            continue
        for day in on:
            yield {"start": _cron(stop, day), "stop": _cron(start, (day + days) % _WEEK)}


def _times(block: Any) -> tuple[str, str] | None:
    """Start and stop of a day; None where there are none."""
    if not isinstance(block, Mapping):
        return None
    start, stop = (str(block.get(name)) for name in ("startTime", "stopTime"))
    return (start, stop) if _TIME.fullmatch(start) and _TIME.fullmatch(stop) else None


def _cron(time: str, day: int) -> str:
    hour, minute = time.split(":")
    return f"{int(minute)} {int(hour)} * * {DAYS[day]}"
