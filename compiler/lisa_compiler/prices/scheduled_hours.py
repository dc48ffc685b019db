"""Instance-hours of a month, by the schedule of a service."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from lisa_compiler.plan.provenance import unmarked
from lisa_compiler.prices.cost import HOURS_OF_MONTH
from lisa_schema.schedules import open_shares, read_windows

if TYPE_CHECKING:
    from lisa_schema.models import AutoScalingConfig


def window_hours(scaling: AutoScalingConfig) -> tuple[Decimal, ...]:
    """Return the hours of a month in which each window of a schedule is open; none without a schedule."""
    schedule = unmarked(scaling.schedule)
    return () if schedule is None else tuple(_hours(share) for share in open_shares(read_windows(schedule)))


def instance_hours(scaling: AutoScalingConfig) -> tuple[Decimal, Decimal] | None:
    """Return the instance-hours of a month at minimum and at maximum capacity; None without a schedule.

    Local time: the hour that daylight saving time takes and gives is left out.
    """
    scaling = unmarked(scaling)
    if scaling.schedule is None:
        return None
    windows = scaling.schedule.windows
    shares = open_shares(read_windows(scaling.schedule))
    rest = 1 - sum(shares, Fraction(0))
    low, high = scaling.min_capacity * rest, scaling.max_capacity * rest
    for window, share in zip(windows, shares, strict=True):
        low += window.min_capacity * share
        high += scaling.most_in(window) * share
    return _hours(low), _hours(high)


def _hours(share: Fraction) -> Decimal:
    return Decimal(round(share * HOURS_OF_MONTH * 10)) / 10
