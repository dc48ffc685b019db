"""Rules about schedules of capacity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lisa_schema.document import Path
from lisa_schema.models import AutoScalingConfig, CapacitySchedule, CapacityWindow, Config, RestApiConfig
from lisa_schema.recurrences import parse
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import services
from lisa_schema.schedules import find_conflict, read_windows
from lisa_schema.time_zones import canonical_zone, closest_zones, is_time_zone

_CRON_FIX: Final = "Write a time such as 20:00 in quotes, or five fields such as `0 20 * * FRI`."


def _schedules(config: Config) -> Iterator[tuple[Path, AutoScalingConfig, CapacitySchedule, bool]]:
    """Path of each schedule, the capacity that it changes, and whether it is the gateway's."""
    for path, service in services(config):
        scaling = service.auto_scaling_config
        if scaling.schedule is not None:
            is_gateway = isinstance(service, RestApiConfig)
            yield (*path, "autoScalingConfig", "schedule"), scaling, scaling.schedule, is_gateway


@rule("LISA553", "schedule-time", _CRON_FIX)
def schedule_time(config: Config) -> Iterator[RuleViolation]:
    """Windows of a schedule must start and stop at times that EC2 Auto Scaling accepts."""
    for path, _, schedule, _ in _schedules(config):
        for index, window in enumerate(schedule.windows):
            place = (*path, "windows", index)
            crons = {name: text for name, text in (("start", window.start), ("stop", window.stop)) if " " in text}
            for name, text in crons.items():
                try:
                    parse(text)
                except ValueError as error:
                    yield RuleViolation((*place, name), f"`{text}` is not a cron expression for a schedule: {error}.")
            if crons and window.days:
                message = (
                    f"`days` applies to times, but {' and '.join(f'`{name}`' for name in crons)} has its own days."
                )
                yield RuleViolation((*place, "days"), message, "Remove `days`, or write times such as 20:00.")
            if len(crons) == 1:
                message = "A window has a time and a cron expression."
                yield RuleViolation(
                    place, message, "Write `start` and `stop` both as times, or both as cron expressions."
                )


@rule("LISA554", "schedule-time-zone", "Use a name of the IANA time zone database, such as Europe/Berlin or Etc/UTC.")
def schedule_time_zone(config: Config) -> Iterator[RuleViolation]:
    """The time zone of a schedule must be a canonical IANA name, as EC2 Auto Scaling requires."""
    for path, _, schedule, _ in _schedules(config):
        name, at = schedule.time_zone, (*path, "timeZone")
        if is_time_zone(name):
            continue
        if (canonical := canonical_zone(name)) is not None:
            message = f"`{name}` is an alias, and EC2 Auto Scaling accepts canonical names of time zones."
            yield RuleViolation(at, message, f"Write {canonical}.")
        else:
            near = closest_zones(name)
            yield RuleViolation(
                at, f"Unknown time zone `{name}`.", f"Write, for example, {' or '.join(near)}." if near else None
            )


@rule(
    "LISA555", "schedule-capacity", "Change the capacity of the window, or minCapacity and maxCapacity of the service."
)
def schedule_capacity(config: Config) -> Iterator[RuleViolation]:
    """A window must change the capacity, within maxCapacity, and leave room for updates or have no instances at all."""
    for path, scaling, schedule, is_gateway in _schedules(config):
        for index, window in enumerate(schedule.windows):
            place = (*path, "windows", index)
            problem = next(_capacity_problems(scaling, window, is_gateway=is_gateway), None)
            if problem is not None:
                name, message, fix = problem
                yield RuleViolation((*place, name), message, fix, ((*path[:-1], "maxCapacity"),))


@rule("LISA556", "schedule-overlap", "Change the times, so that one window stops before the next one starts.")
def schedule_overlap(config: Config) -> Iterator[RuleViolation]:
    """Windows of a schedule must not overlap, nor change the capacity at the same minute."""
    for path, _, schedule, _ in _schedules(config):
        try:
            found = find_conflict(read_windows(schedule))
        except ValueError:
            continue  # LISA553
        if found is None:
            continue
        first, second = found.first + 1, found.second + 1
        related = () if first == second else ((*path, "windows", found.first),)
        if found.same_time and first == second:
            message = f"Window {first} starts and stops at the same time ({found.when})."
        elif found.same_time:
            message = (
                f"Windows {first} and {second} both change the capacity on {found.when}; EC2 Auto Scaling rejects two "
                "scheduled actions at the same time."
            )
        elif first == second:
            message = f"Window {first} starts again on {found.when}, before it stops."
        else:
            message = f"Windows {first} and {second} overlap on {found.when}."
        yield RuleViolation((*path, "windows", found.second), message, None, related)


def _capacity_problems(
    scaling: AutoScalingConfig, window: CapacityWindow, *, is_gateway: bool
) -> Iterator[tuple[str, str, str | None]]:
    """What is not possible in a window: the key, why, and the fix; the first one is reported."""
    low, high, desired = window.min_capacity, scaling.most_in(window), window.desired_capacity
    # CloudFormation keeps one instance fewer than that in service while it replaces them.
    needed = min(scaling.min_capacity + 1, scaling.max_capacity)
    if low == 0 and is_gateway:
        yield "minCapacity", "The gateway must have at least one instance: without one, no model can be used.", None
    if low == 0 and high > 0:
        message = "A window with minCapacity 0 must have maxCapacity 0: no request would start an instance."
        yield "maxCapacity", message, "Set maxCapacity to 0 or remove it, or set minCapacity to 1."
    if low > high:
        yield "minCapacity", f"minCapacity {low} of the window is more than its maxCapacity {high}.", None
    if high > scaling.max_capacity:
        message = f"maxCapacity {high} of the window is more than maxCapacity {scaling.max_capacity} of the service."
        yield "maxCapacity", message, None
    if 0 < high < needed:
        message = f"An update in the window requires maxCapacity {needed}, to keep instances in service."
        yield "maxCapacity", message, f"Set maxCapacity to {needed} or more, or remove it."
    if desired is not None and not low <= desired <= high:
        yield "desiredCapacity", f"desiredCapacity {desired} is not between {low} and {high}.", None
    if (desired is None or low == high) and (low, high) == (scaling.min_capacity, scaling.max_capacity):
        yield "minCapacity", "The window has the capacity of the service, and changes nothing.", None
