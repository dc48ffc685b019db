"""Documents: a change as Markdown for a pull request, as text for a terminal, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lisa_compiler.review.change import Change
from lisa_compiler.review.differences import ABSENT, Difference, shown, shown_path
from lisa_compiler.review.finding import Finding
from lisa_compiler.review.resources import Effect, ResourceChange
from lisa_compiler.review.wording import counted, listed, noun, ranged

LIMIT = 65_536
"""Characters that a comment of a pull request may have (GitHub's limit of a comment's body)."""

_ROWS = 60
_ITEMS = 12
_SETTINGS = 12
_CELL = 90

_EFFECTS = {
    Effect.REMOVED: "removed",
    Effect.REPLACED: "replaced",
    Effect.MAYBE_REPLACED: "may be replaced",
    Effect.INTERRUPTED: "interrupted",
    Effect.ADDED: "added",
    Effect.UPDATED: "updated in place",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared, as the documents say it.

    Attributes:
        base: short name of the commit.
        reference: what it was found by.
        command: the command that tells the change in full.
        warnings: what makes the comparison doubtful.
    """

    base: str
    reference: str
    command: str
    warnings: tuple[str, ...] = ()


def markdown(change: Change, compared: Comparison) -> str:
    """Write a comment of at most LIMIT bytes; its first line is the mark by which the next one takes its place."""
    end = f"<sub>Compared with {compared.base} ({compared.reference}). In full: `{compared.command}`</sub>\n"
    lines = [f"<!-- lisa-diff:{change.environment} -->", f"### {change.environment}: {_headline(change)}", ""]
    lines += [f"> {warning}" for warning in compared.warnings]
    lines += [*_settings(change), *_findings(change), *_capacity(change), *_details(change)]
    while lines and len(("\n".join(lines) + end).encode()) > LIMIT - 200:
        del lines[-max(1, len(lines) // 10) :]
        lines = [*(line for line in lines if line not in {"<details>", _CUT}), _CUT]
    return "\n".join([*lines, end])


def text(change: Change, compared: Comparison) -> str:
    """Write what a terminal shows: everything, without Markdown."""
    lines = [f"{change.environment}: {_headline(change)}", *compared.warnings]
    for difference in change.settings:
        lines.append(f"  {_setting(difference, 120)}")
    for danger, findings in groupby(change.findings, lambda finding: finding.danger):
        lines += ["", danger.value.upper()]
        for finding in findings:
            lines += [f"  {finding.text}", *(f"    {item}" for item in finding.items)]
    if rows := list(_capacity_rows(change)):
        lines += ["", "CAPACITY", *(f"  {name}: {before} → {after}" for name, before, after in rows)]
    if change.resources:
        lines += ["", f"RESOURCES: {_counts(change)}"]
        lines += [f"  {' '.join((*cells[:3], '—', cells[3]))}" for cells in map(_cells, _in_order(change))]
    plain = "\n".join(lines).replace("**", "").replace("`", "")
    return f"{plain}\nCompared with {compared.base} ({compared.reference}).\n"


def as_data(change: Change, compared: Comparison) -> str:
    """Write a change as JSON."""
    low, high = change.capacity_before, change.capacity_after
    content = {
        "schemaVersion": 1,
        "environment": change.environment,
        "base": {"commit": compared.base, "reference": compared.reference},
        "warnings": list(compared.warnings),
        "settings": [_difference(difference) for difference in change.settings],
        "findings": [
            {"danger": finding.danger.name.lower(), "text": finding.text, "items": list(finding.items)}
            for finding in change.findings
        ],
        "capacity": {
            side: {
                end: {
                    "instances": capacity.instances,
                    "gpus": capacity.gpus,
                    "gpuHoursPerDay": capacity.gpu_hours_per_day,
                }
                for end, capacity in zip(("minimum", "maximum"), pair, strict=True)
            }
            for side, pair in (("before", low), ("after", high))
        },
        "stacks": {
            "added": [stack.component for stack in change.added],
            "removed": [stack.component for stack in change.removed],
        },
        "resources": [_resource(resource) for resource in _in_order(change)],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


_CUT = "\n*The rest does not fit into a comment; the command below tells all of it.*\n"


def _headline(change: Change) -> str:
    if change.is_empty:
        return "nothing changes"
    if not change.resources:
        return (
            "no resource of a deployed stack changes"
            if not change.findings
            else change.findings[0].danger.value.lower()
        )
    return _counts(change)


def _counts(change: Change) -> str:
    stacks = counted(len({resource.resource.component for resource in change.resources}), "stack")
    parts = [
        f"{number} {words}"
        for effect, words in _EFFECTS.items()
        if (number := sum(resource.effect is effect for resource in change.resources))
    ]
    return f"{counted(len(change.resources), 'resource')} in {stacks}: {', '.join(parts)}"


def _settings(change: Change) -> Iterator[str]:
    rows = [f"- {_setting(difference, 60)}" for difference in change.settings]
    yield from rows[:_SETTINGS]
    if len(rows) > _SETTINGS:
        yield f"- {len(rows) - _SETTINGS} more settings"
    if rows:
        yield ""


def _setting(difference: Difference, width: int) -> str:
    path = f"`{shown_path(difference.path)}`"
    before, after = difference.before, difference.after
    if before is ABSENT:
        return (
            f"{path}: added" if isinstance(after, dict | list) else f"{path}: `{shown(after, width)}`, was the default"
        )
    if after is ABSENT:
        return (
            f"{path}: removed"
            if isinstance(before, dict | list)
            else f"{path}: the default, was `{shown(before, width)}`"
        )
    return f"{path}: `{shown(before, width)}` → `{shown(after, width)}`"


def _findings(change: Change) -> Iterator[str]:
    for danger, findings in groupby(change.findings, lambda finding: finding.danger):
        own = list(findings)
        if len(own) == 1 and not own[0].items:
            yield f"**{danger.value}** – {own[0].text}"
        else:
            yield f"**{danger.value}**"
            for finding in own:
                yield from _bullets(finding)
        yield ""


def _bullets(finding: Finding) -> Iterator[str]:
    yield f"- {finding.text}"
    yield from (f"  - {item}" for item in finding.items[:_ITEMS])
    if len(finding.items) > _ITEMS:
        yield f"  - {len(finding.items) - _ITEMS} more"


def _capacity(change: Change) -> Iterator[str]:
    rows = list(_capacity_rows(change))
    if rows:
        yield "| | before | after |"
        yield "|---|---|---|"
        yield from (f"| {name} | {before} | {after} |" for name, before, after in rows)
        yield ""


def _capacity_rows(change: Change) -> Iterator[tuple[str, str, str]]:
    sides = change.capacity_before, change.capacity_after
    for name, attribute in (("instances", "instances"), ("GPUs", "gpus"), ("GPU-hours a day", "gpu_hours_per_day")):
        before, after = (ranged(*(getattr(end, attribute) for end in side)) for side in sides)
        if before != after:
            yield name, before, after


def _details(change: Change) -> Iterator[str]:
    if not change.resources:
        return
    yield f"<details><summary>{_counts(change)}</summary>"
    yield ""
    yield "| stack | resource | is | because |"
    yield "|---|---|---|---|"
    rows = [_cells(resource) for resource in _in_order(change)]
    for stack, what, effect, why in rows[:_ROWS]:
        yield f"| {stack} | {what} | {effect} | {_cell(why)} |"
    if len(rows) > _ROWS:
        yield f"| … | {len(rows) - _ROWS} more | | |"
    yield ""
    yield "</details>"
    yield ""


def _in_order(change: Change) -> list[ResourceChange]:
    return sorted(change.resources, key=lambda resource: -resource.effect)


def _cells(change: ResourceChange) -> tuple[str, str, str, str]:
    resource = change.resource
    name = f"{noun(resource.type)} `{resource.logical_id}`"
    return resource.component, name, _EFFECTS[change.effect], _because(change)


def _because(change: ResourceChange) -> str:
    parts = [_reason(difference) for difference in change.differences[:2]]
    if len(change.differences) > 2:
        parts.append(f"{len(change.differences) - 2} more")
    parts += [f"`{name}` follows `{target}`" for name, (_, target) in (change.follows or {}).items()]
    return listed(parts)


def _reason(difference: Difference) -> str:
    before, after = shown(difference.before, 30), shown(difference.after, 30)
    path = f"`{shown_path(difference.path)}`"
    whole = isinstance(difference.before, dict | list) or isinstance(difference.after, dict | list)
    return f"{path} differs" if before == after or whole or "{" in before else f"{path} `{before}` → `{after}`"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def _difference(difference: Difference) -> dict[str, Any]:
    sides = {"before": difference.before, "after": difference.after}
    return {"path": shown_path(difference.path), **{side: v for side, v in sides.items() if v is not ABSENT}}


def _resource(change: ResourceChange) -> dict[str, Any]:
    resource = change.resource
    return {
        "stack": resource.component,
        "logicalId": resource.logical_id,
        "type": resource.type,
        "effect": change.effect.name.lower(),
        "differences": [_difference(difference) for difference in change.differences],
        "follows": {name: ".".join(key) for name, key in (change.follows or {}).items()},
    }
