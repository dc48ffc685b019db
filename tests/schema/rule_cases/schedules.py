"""Cases of the rules of scheduled capacity."""

from __future__ import annotations

from .changes import Failing, Passing

MODEL = "ecsModels[0].autoScalingConfig"
GATEWAY = "restApiConfig.autoScalingConfig"
NIGHT = "{start: '20:00', stop: '07:00', minCapacity: 0}"
CAPACITY = f"{MODEL}.minCapacity=2"


def of(windows: str, zone: str = "Europe/Berlin", at: str = MODEL) -> str:
    """A schedule with these windows."""
    return f"{at}.schedule={{timeZone: {zone}, windows: [{windows}]}}"


def window(text: str) -> str:
    """A window with other values than the night's."""
    return f"{{start: '20:00', stop: '07:00', {text}}}"


PASSING: Passing = {
    "schedule-time": [[of(NIGHT)], [of("{start: 0 20 * * FRI, stop: 0 7 * * MON, minCapacity: 0}")]],
    "schedule-time-zone": [[of(NIGHT, "Etc/UTC")], [of(NIGHT, "America/New_York")]],
    "schedule-capacity": [
        [of(NIGHT)],
        [of(window("minCapacity: 0, maxCapacity: 0"))],
        [f"{MODEL}.maxCapacity=4", of(window("minCapacity: 2, desiredCapacity: 3"))],
        [f"{MODEL}.maxCapacity=4", of(window("minCapacity: 1, maxCapacity: 2"))],
        [f"{GATEWAY}.minCapacity=2", f"{GATEWAY}.maxCapacity=4", of(window("minCapacity: 1"), at=GATEWAY)],
    ],
    "schedule-overlap": [
        [of(f"{NIGHT}, {{start: '12:00', stop: '13:00', minCapacity: 0}}")],
    ],
}

FAILING: Failing = {
    "schedule-time": [
        ([of(f"{{start: {cron}, stop: 0 7 * * MON, minCapacity: 0}}")], f"{MODEL}.schedule.windows[0].start")
        for cron in ("0 20 * * FRI 2027", "'0 20 ? * FRI'", "0 25 * * FRI")
    ]
    + [
        (
            [of("{start: 0 20 * * FRI, stop: 0 7 * * MON, days: [FRI], minCapacity: 0}")],
            f"{MODEL}.schedule.windows[0].days",
        ),
        (
            [of("{start: '20:00', stop: 0 7 * * MON, minCapacity: 0}")],
            f"{MODEL}.schedule.windows[0]",
        ),
    ],
    "schedule-time-zone": [
        ([of(NIGHT, zone)], f"{MODEL}.schedule.timeZone") for zone in ("US/Eastern", "CET", "Europe/Berlln", "'+01:00'")
    ],
    "schedule-capacity": [
        ([*changes, of(window(text), at=at)], f"{at}.schedule.windows[0].{key}")
        for changes, text, at, key in (
            ([], "minCapacity: 0, maxCapacity: 1", MODEL, "maxCapacity"),
            ([], "minCapacity: 0", GATEWAY, "minCapacity"),
            ([], "minCapacity: 2, maxCapacity: 1", MODEL, "minCapacity"),
            ([], "minCapacity: 2, maxCapacity: 9", MODEL, "maxCapacity"),
            ([f"{MODEL}.maxCapacity=4", CAPACITY], "minCapacity: 1, maxCapacity: 2", MODEL, "maxCapacity"),
            ([f"{MODEL}.maxCapacity=4"], "minCapacity: 2, desiredCapacity: 1", MODEL, "desiredCapacity"),
            ([], "minCapacity: 1", MODEL, "minCapacity"),
            ([f"{GATEWAY}.maxCapacity=1"], "minCapacity: 1, desiredCapacity: 1", GATEWAY, "minCapacity"),
        )
    ],
    "schedule-overlap": [
        (
            [of(f"{NIGHT}, {{start: '{start}', stop: '23:00', minCapacity: 0}}")],
            f"{MODEL}.schedule.windows[1]",
        )
        for start in ("20:00", "21:00")
    ],
}
