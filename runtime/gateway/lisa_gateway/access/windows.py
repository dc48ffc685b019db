"""The windows that counters count in, by the clock (UTC), the same for all workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lisa_gateway.access.document import LimitKind

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """A window.

    Attributes:
        label: its name in the keys of counters.
        end: when it ends, in UNIX seconds.
    """

    label: str
    end: float


def window_of(kind: LimitKind, now: float) -> Window:
    """The window of a kind of limit at a time (UNIX seconds): a minute, a day or a calendar month."""
    if not kind.is_budget:
        number = int(now // MINUTE)
        return Window(str(number), (number + 1) * MINUTE)
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if kind is LimitKind.DAILY_TOKENS:
        return Window(day.strftime("%Y-%m-%d"), (day + timedelta(days=1)).timestamp())
    month = day.replace(day=1)
    return Window(month.strftime("%Y-%m"), (month + timedelta(days=32)).replace(day=1).timestamp())
