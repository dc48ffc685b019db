"""Rendering of a change for people: Markdown for a pull request, text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from lisa_compiler.review.capacity import hosts
from lisa_compiler.review.change import OutputChange
from lisa_compiler.review.defaults import default_of
from lisa_compiler.review.differences import ABSENT, Difference, shown, shown_path
from lisa_compiler.review.fit import cost_rows
from lisa_compiler.review.formatting import format_range, join_list, pluralize, resource_label
from lisa_compiler.review.impact import Impact
from lisa_compiler.review.resources import Effect, ResourceChange

LIMIT = 65_536
"""Characters that a comment of a pull request may have (GitHub's limit of a comment's body)."""

_DASH = "\N{EN DASH}"
_ROWS = 60
_ITEMS = 12
_SETTINGS = 12
_NAMED_SETTINGS = 3

_EFFECTS = {
    Effect.REMOVED: "removed",
    Effect.REPLACED: "replaced",
    Effect.MAYBE_REPLACED: "conditionally replaced",
    Effect.INTERRUPTED: "interrupted",
    Effect.ADDED: "added",
    Effect.UPDATED: "updated in place",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Labels of a comparison.

    Attributes:
        base: short name of the commit.
        reference: branch, tag or commit that was compared with.
        command: command that shows the complete change.
        warnings: reasons why the comparison may be out of date.
        reports: address where the intake reports of changed weights are; None where only a command makes them.
    """

    base: str
    reference: str
    command: str
    warnings: tuple[str, ...] = ()
    reports: str | None = None


def markdown(change: OutputChange, compared: Comparison) -> str:
    """Write a comment of at most LIMIT bytes; its first line identifies the comment that a later run replaces."""
    end = f"<sub>Compared with {compared.base} ({compared.reference}). Complete report: `{compared.command}`</sub>\n"
    lines = [f"<!-- lisa-diff:{change.environment} -->", f"### {change.environment}: {_headline(change)}", ""]
    lines += [f"> {warning}" for warning in compared.warnings]
    lines += [*_settings(change), *_impacts(change), *_reports(change, compared), *_capacity(change), *_details(change)]
    while lines and len(("\n".join(lines) + end).encode()) > LIMIT - 200:
        del lines[-max(1, len(lines) // 10) :]
        lines = [*(line for line in lines if line not in {"<details>", _CUT}), _CUT]
    return "\n".join([*lines, end])


def text(change: OutputChange, compared: Comparison) -> str:
    """Write text for a terminal: everything except the warnings, without Markdown."""
    lines = [f"{change.environment}: {_headline(change)}"]
    for difference in change.settings:
        lines.append(f"  {_setting(difference, 120)}")
    for category, impacts in groupby(change.impacts, lambda impact: impact.category):
        lines += ["", category.value.upper()]
        for impact in impacts:
            lines += [f"  {impact.text}", *(f"    {item}" for item in impact.items)]
    if change.weights:
        lines += ["", "INTAKE REPORTS", *(f"  {row}" for row in _report_rows(change))]
    if rows := list(_capacity_rows(change)):
        lines += ["", "CAPACITY", *(f"  {row}" for row in rows)]
    if change.resources:
        lines += ["", f"RESOURCES: {_counts(change)}"]
        for cells in map(_cells, change.by_effect):
            because = f" ({cells[4]})" if cells[4] else ""
            lines.append(f"  {' '.join((*cells[:3], '—', cells[3]))}{because}")
    plain = "\n".join(lines).replace("**", "").replace("`", "")
    return f"{plain}\nCompared with {compared.base} ({compared.reference}).\n"


_CUT = "\n*Truncated to fit into a comment. Run the command below for the complete report.*\n"


def _headline(change: OutputChange) -> str:
    if change.is_empty:
        return "no changes"
    categories = ", ".join(dict.fromkeys(impact.category.value.lower() for impact in change.impacts))
    if not change.resources:
        return categories
    number = pluralize(len(change.resources), "resource changes", "resources change")
    return f"{number} ({categories or 'updated in place'})"


def _counts(change: OutputChange) -> str:
    stacks = pluralize(len({resource.resource.component for resource in change.resources}), "stack")
    parts = [
        f"{number} {words}"
        for effect, words in _EFFECTS.items()
        if (number := sum(resource.effect is effect for resource in change.resources))
    ]
    return f"{pluralize(len(change.resources), 'resource')} in {stacks}: {', '.join(parts)}"


def _settings(change: OutputChange) -> Iterator[str]:
    rows = [f"- {_setting(difference, 60)}" for difference in change.settings]
    yield from rows[:_SETTINGS]
    if len(rows) > _SETTINGS:
        yield f"- {len(rows) - _SETTINGS} more settings"
    if rows:
        yield ""


def _setting(difference: Difference, width: int) -> str:
    path = f"`{shown_path(difference.path)}`"
    sides = difference.before, difference.after
    if ABSENT not in sides:
        return f"{path}: `{shown(sides[0], width)}` → `{shown(sides[1], width)}`"
    default = default_of(difference.path)
    if any(isinstance(side, dict | list) for side in sides):
        return f"{path}: {'added' if sides[0] is ABSENT else 'removed'}"
    if default is ABSENT:
        return (
            f"{path}: `{shown(sides[1], width)}` added"
            if sides[0] is ABSENT
            else f"{path}: `{shown(sides[0], width)}` removed"
        )
    words = [f"`{shown(default, width)}` (the default)" if s is ABSENT else f"`{shown(s, width)}`" for s in sides]
    return f"{path}: {' → '.join(words)}"


def _impacts(change: OutputChange) -> Iterator[str]:
    for category, impacts in groupby(change.impacts, lambda impact: impact.category):
        own = list(impacts)
        if len(own) == 1 and not own[0].items:
            yield f"**{category.value}** {_DASH} {own[0].text}"
        else:
            yield f"**{category.value}**"
            for impact in own:
                yield from _bullets(impact)
        yield ""


def _bullets(impact: Impact) -> Iterator[str]:
    yield f"- {impact.text}"
    yield from (f"  - {item}" for item in impact.items[:_ITEMS])
    if len(impact.items) > _ITEMS:
        yield f"  - {len(impact.items) - _ITEMS} more"


def _reports(change: OutputChange, compared: Comparison) -> Iterator[str]:
    """Where a reviewer finds what the changed weights are."""
    if not change.weights:
        return
    if compared.reports is None:
        yield "**Intake reports** of the changed weights:"
        yield from (f"- {row}" for row in _report_rows(change))
    else:
        names = ", ".join(f"`{model}`" for model in change.weights[:_ITEMS])
        more = f" and {len(change.weights) - _ITEMS} more" if len(change.weights) > _ITEMS else ""
        yield f"**[Intake reports]({compared.reports})** of the changed weights: {names}{more}"
    yield ""


def _report_rows(change: OutputChange) -> Iterator[str]:
    yield from (f"`{model}`: `lisa weights report {model}`" for model in change.weights[:_ITEMS])
    if len(change.weights) > _ITEMS:
        yield f"{len(change.weights) - _ITEMS} more"


def _capacity(change: OutputChange) -> Iterator[str]:
    rows = list(_capacity_rows(change))
    if len(rows) == 1 or (rows and len(change.hosts) <= 1):
        yield f"**Capacity** {_DASH} {'; '.join(rows)}"
        yield ""
    elif rows:
        yield "**Capacity**"
        yield from (f"- {row}" for row in rows)
        yield ""


def _capacity_rows(change: OutputChange) -> Iterator[str]:
    yield from (f"{title}: {hosts(before)} → {hosts(after)}" for title, before, after in change.hosts)
    sides = change.capacity_before, change.capacity_after
    for name, attribute in (("instances", "instances"), ("GPUs", "gpus"), ("GPU-hours per day", "gpu_hours_per_day")):
        before, after = (format_range(*(getattr(end, attribute) for end in side)) for side in sides)
        if before != after:
            yield f"{name} {before} → {after}"
    if change.hosts and sides[0] == sides[1]:
        yield f"total GPUs unchanged: {format_range(*(end.gpus for end in sides[1]))}"
    yield from cost_rows(change.cost_before, change.cost_after)


def _details(change: OutputChange) -> Iterator[str]:
    if not change.resources:
        return
    yield f"<details><summary>{_counts(change)}</summary>"
    yield ""
    rows = list(_rows(change))
    # Where no settings are known, there is no column for them.
    columns = 5 if any(cells[4] for cells in rows) else 4
    yield _row(("Stack", "Resource", "Action", "Change", "Settings")[:columns])
    yield f"|{'---|' * columns}"
    for cells in rows[:_ROWS]:
        yield _row(cells[:columns])
    if len(rows) > _ROWS:
        yield _row(("…", f"{len(rows) - _ROWS} more", *[""] * (columns - 2)))
    yield ""
    yield "</details>"
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _rows(change: OutputChange) -> Iterator[tuple[str, str, str, str, str]]:
    """A row for each resource; resources that are only added to or removed from a stack share one."""
    for (effect, component), changes in groupby(change.by_effect, lambda one: (one.effect, one.resource.component)):
        own = list(changes)
        if effect not in (Effect.ADDED, Effect.REMOVED) or len(own) == 1:
            yield from (_cells(one) for one in own)
            continue
        kinds = Counter(resource_label(one.resource.type) for one in own)
        what = join_list(
            kind if number == 1 else f"{number} \N{MULTIPLICATION SIGN} {kind}" for kind, number in kinds.items()
        )
        settings = dict.fromkeys(setting for one in own for setting in one.settings)
        yield component, what, _EFFECTS[effect], "", _setting_names(settings)


def _cells(change: ResourceChange) -> tuple[str, str, str, str, str]:
    resource = change.resource
    name = f"{resource_label(resource.type)} `{resource.logical_id}`"
    return resource.component, name, _EFFECTS[change.effect], _reasons(change), _setting_names(change.settings)


def _setting_names(settings: Iterable[str]) -> str:
    names = [f"`{name}`" for name in settings]
    return join_list(
        names if len(names) <= _NAMED_SETTINGS else [*names[:_NAMED_SETTINGS], f"{len(names) - _NAMED_SETTINGS} more"]
    )


def _reasons(change: ResourceChange) -> str:
    parts = [_reason(difference) for difference in change.differences[:2]]
    if len(change.differences) > 2:
        parts.append(f"{len(change.differences) - 2} more")
    followed = dict.fromkeys((str(path[0]), target) for path, (_, target) in change.caused_by.items())
    parts += [f"`{name}` changes with `{target}`" for name, target in followed]
    return join_list(parts)


def _reason(difference: Difference) -> str:
    before, after = shown(difference.before, 30), shown(difference.after, 30)
    path = f"`{shown_path(difference.path)}`"
    whole = isinstance(difference.before, dict | list) or isinstance(difference.after, dict | list)
    return f"{path} differs" if before == after or whole or "{" in before else f"{path} `{before}` → `{after}`"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")
