"""Whether a service without instances is so by its schedule."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lisa_schema.recurrences import next_time
from lisa_schema.schedules import open_window, read_windows

if TYPE_CHECKING:
    from lisa_schema.models import CapacitySchedule


def scheduled_stop(schedule: CapacitySchedule | None, now: datetime | None = None) -> str | None:
    """Say until when a schedule has no instances; None while it has some, or without a schedule.

    Args:
        schedule: the schedule of a service.
        now: an aware time; the current one by default.
    """
    if schedule is None:
        return None
    try:
        zone = ZoneInfo(schedule.time_zone)
    except ZoneInfoNotFoundError:
        return None
    local = (now or datetime.now(UTC)).astimezone(zone).replace(tzinfo=None)
    windows = read_windows(schedule)
    index = open_window(windows, local)
    if index is None or schedule.windows[index].min_capacity:
        return None
    stop = next_time(windows[index].stop, local)
    until = f" until {stop:%A, %Y-%m-%d %H:%M} ({schedule.time_zone})" if stop else ""
    return f"its schedule has no instances{until}"
