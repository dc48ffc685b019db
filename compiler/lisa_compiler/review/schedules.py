"""Schedules: times without instances that a change brings, and what ends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lisa_compiler.review.impact import Impact, ImpactCategory

if TYPE_CHECKING:
    from lisa_compiler.review.output import Output

_GATEWAY = "serve"


def compare_schedules(before: Output | None, after: Output) -> Iterator[Impact]:
    """Find windows without instances that are added, and schedules that are removed."""
    old = {} if before is None else _schedules(before)
    new = _schedules(after)
    for component, schedule in new.items():
        if schedule == old.get(component):
            continue
        was, closed = _closed(old.get(component)), _closed(schedule)
        if closed and closed != was:
            yield Impact(
                ImpactCategory.INTERRUPTION,
                f"**{after.stacks[component].title}** has no instances {closed}. Its requests fail with 503 then.",
            )
    for component, schedule in old.items():
        closed = _closed(schedule)
        if component in after.stacks and component not in new and closed:
            yield Impact(
                ImpactCategory.MANUAL_STEPS,
                f"**{after.stacks[component].title}** no longer has a schedule. If it is deployed at a time without "
                f"instances ({closed}), none starts: start the model through the models API.",
            )


def _schedules(output: Output) -> dict[str, Mapping[str, Any]]:
    """The schedule of each service that has one, by the component of its stack."""
    services = {_GATEWAY: output.configuration().get("restApiConfig", {}), **output.models()}
    found = {name: config.get("autoScalingConfig", {}).get("schedule") for name, config in services.items()}
    return {name: schedule for name, schedule in found.items() if schedule and name in output.stacks}


def _closed(schedule: Mapping[str, Any] | None) -> str:
    """The windows without instances, for people; empty without one."""
    if schedule is None:
        return ""
    from lisa_schema.models import CapacitySchedule  # noqa: PLC0415  # models: 0.2 s
    from lisa_schema.schedules import closed_text  # noqa: PLC0415  # likewise

    return closed_text(CapacitySchedule.model_validate(schedule))
