"""Access of groups: which models and RAG repositories callers may use, and how much, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from lisa_compiler.review.formatting import join_list
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output
from lisa_compiler.review.recorded_content import compare_recorded_content
from lisa_schema.models.access import ALL, AccessConfig, AccessEntry, UsageLimits

_KEY = "accessConfig"
_LIMITS = {
    "requests_per_minute": "requests per minute",
    "tokens_per_minute": "tokens per minute",
    "concurrent_requests": "concurrent requests",
    "daily_tokens": "tokens per day",
    "monthly_tokens": "tokens per month",
}
_OPEN = AccessConfig()


def compare_group_access(before: Output, after: Output) -> Iterator[Impact]:
    """Find what the callers in each group may use more, and what less.

    A group that one side does not list has the access of callers in no listed group there.
    """
    settings = before.configuration().get(_KEY), after.configuration().get(_KEY)
    if settings[0] == settings[1]:
        return
    old, new = map(_access, settings)
    if old is None or new is None:
        return
    yield from compare_recorded_content(old, new)
    for group in dict.fromkeys([*new.groups, *old.groups]):
        yield from _impacts(f"The group `{group}`", _entry(old, group), _entry(new, group))
    who = "Callers in no listed group" if new.groups or old.groups else "All callers"
    yield from _impacts(who, _entry(old, ""), _entry(new, ""))


_Granted = tuple[tuple[str, ...], tuple[str, ...], AccessEntry]


def _access(settings: Mapping[str, Any] | None) -> AccessConfig | None:
    """The access that a configuration grants; None in output of another version, which this one cannot read."""
    try:
        return _OPEN if settings is None else AccessConfig.model_validate(settings)
    except ValidationError:
        return None


def _entry(access: AccessConfig, group: str) -> _Granted:
    entry = access.groups.get(group, access.everyone)
    return access.models_of(entry), access.repositories_of(entry), entry or AccessEntry()


def _impacts(who: str, old: _Granted, new: _Granted) -> Iterator[Impact]:
    more = list(_changes(old, new))
    less = list(_changes(new, old, reverse=True))
    if more:
        yield Impact(ImpactCategory.BROADER_ACCESS, f"{who} may use more:", tuple(more))
    if less:
        yield Impact(ImpactCategory.REDUCED_RISK, f"{who} may use less:", tuple(less))


def _changes(old: _Granted, new: _Granted, *, reverse: bool = False) -> Iterator[str]:
    """What the new side has more than the old one; in reverse, the sides are exchanged in what is written."""
    for noun, was, will in (("models", old[0], new[0]), ("RAG repositories", old[1], new[1])):
        added = [name for name in will if name not in was]
        if added and ALL not in was:
            # If a side has everything, only the names that remain show what is lost.
            rest = f" except {join_list(f'`{name}`' for name in was)}" if reverse and ALL in added and was else ""
            what = f"all {noun}{rest}" if ALL in added else f"{noun}: {join_list(f'`{name}`' for name in added)}"
            yield what
    for scope, was_limits, will_limits in (
        ("of each caller", old[2].per_caller, new[2].per_caller),
        ("together", old[2].per_group, new[2].per_group),
    ):
        for name, words in _LIMITS.items():
            low, high = _limit(was_limits, name), _limit(will_limits, name)
            if low is not None and (high is None or high > low):
                sides = (high, low) if reverse else (low, high)
                shown = " \N{RIGHTWARDS ARROW} ".join("no limit" if side is None else f"{side:,}" for side in sides)
                yield f"{words} {scope}: {shown}"


def _limit(limits: UsageLimits, name: str) -> int | None:
    found: int | None = getattr(limits, name)
    return found
