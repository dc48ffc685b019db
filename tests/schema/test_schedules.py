"""Recurring times: what Auto Scaling accepts, when windows are open, and what conflicts."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

import pytest

from lisa_schema.models import CapacitySchedule, CapacityWindow
from lisa_schema.recurrences import last_time, next_time, parse
from lisa_schema.schedules import closed_text, find_conflict, open_shares, open_window, read_window, read_windows
from lisa_schema.time_zones import canonical_zone, closest_zones, is_time_zone

NIGHTS = {"start": "20:00", "stop": "07:00", "days": ("MON", "TUE", "WED", "THU")}
WEEKEND = {"start": "0 20 * * FRI", "stop": "0 7 * * MON"}


def schedule(*windows: dict[str, object]) -> CapacitySchedule:
    return CapacitySchedule.model_validate(
        {"timeZone": "Europe/Berlin", "windows": [{"minCapacity": 0, **window} for window in windows]}
    )


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0 7 * * *", "0 7 * * *"),
        ("*/30 7,19 * * MON-FRI", "0,30 7,19 * * 1,2,3,4,5"),
        ("0 7 * * 7", "0 7 * * 0"),
        ("0 7 * * fri-sun", "0 7 * * 0,5,6"),
        ("5 0 1 JAN,jul *", "5 0 1 1,7 *"),
        ("0 8-18/5 * * *", "0 8,13,18 * * *"),
        ("0 20 * * 0-6", "0 20 * * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
    ],
)
def test_a_cron_expression_becomes_numbers(text: str, numbers: str) -> None:
    assert parse(text).expression == numbers
    assert parse(numbers) == parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0 7 * * MON 2027", "six fields|6 fields"),
        ("0 7 ? * MON", "day of month"),
        ("0 7 * * 2#1", "day of week"),
        ("0 7 L * *", "day of month"),
        ("0 24 * * *", "hour"),
        ("60 7 * * *", "minute"),
        ("0 7 * 13 *", "month"),
        ("0 7/0 * * *", "step"),
        ("0 9-7 * * *", "backward"),
        ("0 7 1 * MON", "ambiguous"),
        ("0 7 30 2 *", "no date"),
        ("*/5 * * * *", "times a day"),
        ("@daily", "fields"),
        ("0 \u0667 * * *", "hour"),
    ],
)
def test_what_auto_scaling_would_not_accept_is_an_error(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


def test_a_window_over_midnight_stops_on_the_next_day() -> None:
    window = read_window(CapacityWindow.model_validate({**NIGHTS, "minCapacity": 0}))
    assert (window.start.expression, window.stop.expression) == ("0 20 * * 1,2,3,4", "0 7 * * 2,3,4,5")
    day = read_window(
        CapacityWindow.model_validate({"start": "07:00", "stop": "20:00", "days": ["SAT"], "minCapacity": 1})
    )
    assert (day.start.expression, day.stop.expression) == ("0 7 * * 6", "0 20 * * 6")


@pytest.mark.parametrize(
    ("when", "index"),
    [
        ("2026-11-30 06:59", 1),  # Monday, before the end of the weekend
        ("2026-11-30 07:00", None),
        ("2026-11-30 19:59", None),
        ("2026-11-30 20:00", 0),
        ("2026-12-01 06:59", 0),
        ("2026-12-01 07:00", None),
        ("2026-12-04 07:00", None),
        ("2026-12-04 20:00", 1),
        ("2026-12-06 12:00", 1),
    ],
)
def test_the_window_that_is_open(when: str, index: int | None) -> None:
    assert open_window(read_windows(schedule(NIGHTS, WEEKEND)), datetime.fromisoformat(when)) == index


def test_last_and_next_times_enclose_now() -> None:
    leap = parse("30 6 29 2 *")
    now = datetime(2026, 11, 29, 23, 0)
    assert (last_time(leap, now), next_time(leap, now)) == (datetime(2024, 2, 29, 6, 30), datetime(2028, 2, 29, 6, 30))
    at = datetime(2028, 2, 29, 6, 30)
    assert (last_time(leap, at), last_time(leap, at - timedelta(minutes=1))) == (at, datetime(2024, 2, 29, 6, 30))


def test_shares_are_those_of_a_week() -> None:
    assert open_shares(read_windows(schedule(NIGHTS, WEEKEND))) == (Fraction(44, 168), Fraction(59, 168))
    assert open_shares(read_windows(schedule({"start": "20:00", "stop": "08:00"}))) == (Fraction(1, 2),)
    # The first of a month until noon: 12 times 12 hours of a year, leap years included.
    first = open_shares(read_windows(schedule({"start": "0 0 1 * *", "stop": "0 12 1 * *"})))
    assert first == (Fraction(12 * 12 * 28, (28 * 365 + 7) * 24),)


def test_windows_that_do_not_meet_have_no_conflict() -> None:
    assert find_conflict(read_windows(schedule(NIGHTS, WEEKEND))) is None


@pytest.mark.parametrize(
    ("windows", "same_time", "pair", "when"),
    [
        ([NIGHTS, {"start": "19:00", "stop": "20:30", "days": ["WED"]}], False, (1, 0), "Wednesday 20:00"),
        ([NIGHTS, {"start": "07:00", "stop": "08:00", "days": ["TUE"]}], True, None, "Tuesday 07:00"),
        ([{"start": "0 20,21 * * *", "stop": "0 7 * * *"}], False, (0, 0), "Monday 21:00"),
        ([{"start": "0 7 * * *", "stop": "0 7 * * *"}], True, (0, 0), "Monday 07:00"),
        # A stop that has no start would end another window.
        (
            [{"start": "20:00", "stop": "07:00"}, {"start": "0 12 * * MON", "stop": "0 13,22 * * MON"}],
            False,
            (0, 1),
            "Monday 22:00",
        ),
        # Open over the end of the week.
        ([WEEKEND, {"start": "01:00", "stop": "02:00", "days": ["MON"]}], False, (0, 1), "Monday 01:00"),
        # Meet once in 28 years, when the 1st is a Monday.
        (
            [{"start": "0 20 * * MON", "stop": "0 21 * * MON"}, {"start": "30 20 1 * *", "stop": "0 22 1 * *"}],
            *[False, None, "2001-01-01 20:30"],
        ),
    ],
)
def test_windows_that_meet_are_a_conflict(
    windows: list[dict[str, object]], same_time: bool, pair: tuple[int, int] | None, when: str
) -> None:
    found = find_conflict(read_windows(schedule(*windows)))
    assert found is not None
    assert (found.same_time, found.when) == (same_time, when)
    assert pair is None or (found.first, found.second) == pair


def test_windows_without_instances_are_described() -> None:
    text = closed_text(schedule(NIGHTS, {**WEEKEND, "minCapacity": 2}))
    assert text == "from 20:00 (Mon, Tue, Wed, Thu) to 07:00 (Tue, Wed, Thu, Fri), Europe/Berlin"
    assert closed_text(schedule({**NIGHTS, "minCapacity": 1})) == ""


def test_time_zones_are_canonical_names() -> None:
    assert all(map(is_time_zone, ("Europe/Berlin", "America/New_York", "Etc/UTC", "Etc/GMT+9", "Pacific/Tahiti")))
    assert not any(map(is_time_zone, ("US/Eastern", "CET", "UTC", "EST", "europe/berlin", "Europe/Berlln", "")))
    assert canonical_zone("US/Eastern") == "America/New_York"
    assert canonical_zone("UTC") == "Etc/UTC"
    assert "Europe/Berlin" in closest_zones("Europe/Berlln")
    assert closest_zones("berlin") == ["Europe/Berlin"]
