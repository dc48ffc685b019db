"""Schedules of capacity: when their windows are open, and which of them conflict. Times are local times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from lisa_schema.recurrences import DAYS, Recurrence, last_time, parse

if TYPE_CHECKING:
    from lisa_schema.models import CapacitySchedule, CapacityWindow

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_WEEK: Final = 7
_DAY_MINUTES: Final = 24 * 60
# The days of the week of all dates repeat after 28 years; 2001-01-01 is a Monday.
_FIRST: Final = date(2001, 1, 1)
_CYCLE_DAYS: Final = 28 * 365 + 7


@dataclass(frozen=True, slots=True)
class Window:
    """When a window of a schedule starts and stops."""

    start: Recurrence
    stop: Recurrence

    def described(self) -> str:
        """Write it for people."""
        return f"{self.start.described()} to {self.stop.described()}"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two windows that cannot be in one schedule, or one window that cannot.

    Attributes:
        first: position of the window that began before.
        second: position of the other one; the same for a window that starts twice.
        same_time: whether both change the capacity at the same minute.
        when: the local time at which they meet, such as `Monday 20:00` or `2001-02-28 20:00`.
    """

    first: int
    second: int
    same_time: bool
    when: str


def read_window(window: CapacityWindow) -> Window:
    """Read the times of a window: times of a day, or cron expressions.

    Raises:
        ValueError: one of them is not valid.
    """
    weekdays = tuple(sorted(DAYS.index(day) for day in window.days))
    start, stop = (_TIME.fullmatch(text) for text in (window.start, window.stop))
    first = parse(window.start) if start is None else _daily(start, weekdays)
    last = parse(window.stop) if stop is None else _daily(stop, weekdays)
    if start is not None and stop is not None and window.stop <= window.start:
        last = replace(last, weekdays=tuple(sorted((day + 1) % _WEEK for day in weekdays)))
    return Window(first, last)


def read_windows(schedule: CapacitySchedule) -> tuple[Window, ...]:
    """Read the times of all windows.

    Raises:
        ValueError: one of them is not valid.
    """
    return tuple(read_window(window) for window in schedule.windows)


def closed_text(schedule: CapacitySchedule) -> str:
    """Write the windows without instances for people: `from 20:00 (Mon) to 07:00 (Tue), Europe/Berlin`."""
    closed = [read_window(window).described() for window in schedule.windows if window.min_capacity == 0]
    return f"{' and '.join(f'from {text}' for text in closed)}, {schedule.time_zone}" if closed else ""


def find_conflict(windows: Sequence[Window]) -> Conflict | None:
    """Find the first time at which windows overlap or meet."""
    is_weekly = all(each.is_weekly for window in windows for each in (window.start, window.stop))
    open_window: int | None = None
    # A second round, because a window may be open at the end of the first one.
    for _ in range(2):
        last: tuple[int, int] | None = None
        for minute, index, is_start in _events(windows, 0, _WEEK if is_weekly else _CYCLE_DAYS):
            if last is not None and last[0] == minute:
                return Conflict(last[1], index, same_time=True, when=_when(minute, is_weekly=is_weekly))
            last = minute, index
            if open_window is not None and (is_start or index != open_window):
                return Conflict(open_window, index, same_time=False, when=_when(minute, is_weekly=is_weekly))
            open_window = index if is_start else None
    return None


def open_shares(windows: Sequence[Window]) -> tuple[Fraction, ...]:
    """Return the share of all time in which each window is open."""
    is_weekly = all(each.is_weekly for window in windows for each in (window.start, window.stop))
    days = _WEEK if is_weekly else _CYCLE_DAYS
    events = list(_events(windows, 0, days))
    total = [0] * len(windows)
    for (began, index, is_start), (ended, *_) in zip(events, [*events[1:], *_later(events[:1], days)], strict=True):
        if is_start:
            total[index] += ended - began
    return tuple(Fraction(minutes, days * _DAY_MINUTES) for minutes in total)


def open_window(windows: Sequence[Window], now: datetime) -> int | None:
    """Return the position of the window in which a local time is; None outside of all windows."""
    events = [
        (when, index, is_start)
        for index, window in enumerate(windows)
        for recurrence, is_start in ((window.start, True), (window.stop, False))
        if (when := last_time(recurrence, now)) is not None
    ]
    _, index, is_start = max(events, default=(now, -1, False))
    return index if is_start else None


def _events(windows: Sequence[Window], begin: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Starts and stops in their order: the minute since the first day, the window, and whether it starts."""
    for number in range(begin, end):
        day = _FIRST + timedelta(days=number)
        found = [
            (number * _DAY_MINUTES + time, index, is_start)
            for index, window in enumerate(windows)
            for recurrence, is_start in ((window.start, True), (window.stop, False))
            if recurrence.recurs_on(day)
            for time in recurrence.times()
        ]
        yield from sorted(found)


def _later(events: Sequence[tuple[int, int, bool]], days: int) -> list[tuple[int, int, bool]]:
    return [(minute + days * _DAY_MINUTES, index, is_start) for minute, index, is_start in events]


def _when(minute: int, *, is_weekly: bool) -> str:
    when = datetime.combine(_FIRST, datetime.min.time()) + timedelta(minutes=minute)
    return f"{when:%A %H:%M}" if is_weekly else f"{when:%Y-%m-%d %H:%M}"


def _daily(time: re.Match[str], weekdays: tuple[int, ...]) -> Recurrence:
    return Recurrence(minutes=(int(time[2]),), hours=(int(time[1]),), weekdays=weekdays)
