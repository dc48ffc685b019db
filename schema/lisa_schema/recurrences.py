"""Recurring times of EC2 Auto Scaling: cron expressions of five fields.

Source: Amazon EC2 Auto Scaling API Reference, PutScheduledUpdateGroupAction ("Recurrence"). All times are local times
without a time zone: Auto Scaling follows the daylight saving time of the action's time zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
"""Names of days, by their number in a cron expression."""

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEK: Final = 7
_FIRST: Final = date(2001, 1, 1)
_MOST_TIMES: Final = 24
# A leap day comes at least once in eight years.
_SEARCHED_DAYS: Final = 8 * 366


@dataclass(frozen=True, slots=True)
class Recurrence:
    """When something recurs.

    Attributes:
        minutes: minutes of an hour, sorted.
        hours: hours of a day, sorted.
        month_days: days of a month; empty for all.
        months: months; empty for all.
        weekdays: days of a week, Sunday is 0; empty for all.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()

    @property
    def expression(self) -> str:
        """The cron expression, with numbers alone."""
        fields = (self.minutes, self.hours, self.month_days, self.months, self.weekdays)
        return " ".join(_field(values) for values in fields)

    @property
    def is_weekly(self) -> bool:
        """Whether all weeks are the same."""
        return not (self.month_days or self.months)

    def recurs_on(self, day: date) -> bool:
        """Whether it recurs on a day."""
        return (
            (not self.months or day.month in self.months)
            and (not self.month_days or day.day in self.month_days)
            and (not self.weekdays or day.isoweekday() % _WEEK in self.weekdays)
        )

    def times(self) -> Iterator[int]:
        """Its times in minutes of a day, in their order."""
        for hour in self.hours:
            for minute in self.minutes:
                yield 60 * hour + minute

    def described(self) -> str:
        """Write it for people: `20:00 (Mon, Tue)`, or the cron expression."""
        if not self.is_weekly or len(self.minutes) != 1 or len(self.hours) != 1:
            return f"`{self.expression}`"
        days = ", ".join(DAYS[day].capitalize() for day in sorted(self.weekdays, key=lambda day: (day - 1) % _WEEK))
        return f"{self.hours[0]:02}:{self.minutes[0]:02} ({days or 'every day'})"


def parse(expression: str) -> Recurrence:
    """Read a cron expression.

    Raises:
        ValueError: Auto Scaling does not accept it, or its meaning is not certain; the text says why.
    """
    fields = expression.split()
    if len(fields) != 5:
        raise ValueError(
            f"it has {len(fields)} fields; Auto Scaling accepts five: minute, hour, day of month, month, day of week"
        )
    minutes = _values(fields[0], "minute", 0, 59)
    hours = _values(fields[1], "hour", 0, 23)
    found = Recurrence(
        minutes=minutes or tuple(range(60)),
        hours=hours or tuple(range(24)),
        month_days=_values(fields[2], "day of month", 1, 31),
        months=_values(fields[3], "month", 1, 12, _MONTHS),
        weekdays=_weekdays(fields[4]),
    )
    if found.month_days and found.weekdays:
        raise ValueError("it restricts both the day of month and the day of week, whose combination is ambiguous")
    if len(found.minutes) * len(found.hours) > _MOST_TIMES:
        raise ValueError(f"it recurs {len(found.minutes) * len(found.hours)} times a day; at most {_MOST_TIMES} work")
    if not any(found.recurs_on(_FIRST + timedelta(days=day)) for day in range(_SEARCHED_DAYS)):
        raise ValueError("no date matches it")
    return found


def last_time(recurrence: Recurrence, now: datetime) -> datetime | None:
    """Return the last time that is not after a local time; None for none within the last years."""
    for days in range(_SEARCHED_DAYS):
        day = now.date() - timedelta(days=days)
        for minute in reversed(list(recurrence.times())) if recurrence.recurs_on(day) else ():
            when = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
            if when <= now:
                return when
    return None


def next_time(recurrence: Recurrence, now: datetime) -> datetime | None:
    """Return the next time after a local time; None for none within the next years."""
    for days in range(_SEARCHED_DAYS):
        day = now.date() + timedelta(days=days)
        for minute in recurrence.times() if recurrence.recurs_on(day) else ():
            when = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
            if when > now:
                return when
    return None


def _weekdays(field: str) -> tuple[int, ...]:
    days = {day % _WEEK for day in _values(field, "day of week", 0, _WEEK, DAYS)}
    return () if len(days) == _WEEK else tuple(sorted(days))


def _field(values: tuple[int, ...]) -> str:
    return ",".join(str(value) for value in values) or "*"


def _values(field: str, name: str, low: int, high: int, names: Sequence[str] = ()) -> tuple[int, ...]:
    """The numbers that a field stands for; none for all."""
    if field == "*":
        return ()
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if "/" in part and not (step.isdecimal() and int(step)):
            raise ValueError(f"`{part}` is not a valid {name}: the step must be a positive number")
        first, dash, last = span.partition("-")
        if span == "*" and step:
            begin, end = low, high
        else:
            begin = _number(first, part, (name, low, high, names))
            end = _number(last, part, (name, low, high, names)) if dash else high if step else begin
        if names is DAYS and end == 0 and begin:
            end = _WEEK  # FRI-SUN
        if end < begin:
            raise ValueError(f"`{part}` is not a valid {name}: the range runs backward")
        found.update(range(begin, end + 1, int(step or 1)))
    return () if found == set(range(low, high + 1)) else tuple(sorted(found))


def _number(text: str, part: str, of: tuple[str, int, int, Sequence[str]]) -> int:
    name, low, high, names = of
    if text.upper() in names:
        return names.index(text.upper()) + (low if names is _MONTHS else 0)
    if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
        raise ValueError(f"`{part}` is not a valid {name}; use numbers from {low} to {high}, `*`, `,`, `-` and `/`")
    return int(text)
