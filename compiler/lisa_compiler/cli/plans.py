"""How plans and drift are shown to a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from lisa_compiler.cli.requests import shown_path
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.targets import Target
from lisa_compiler.cli.terminal import put, say
from lisa_compiler.deploy.comparing import Difference
from lisa_compiler.deploy.planning import Action, StackStep

if TYPE_CHECKING:
    from lisa_compiler.deploy.drift import Finding
    from lisa_compiler.provenance.index import Index

_LONGEST_VALUE = 40


def show_plan(target: Target, steps: Sequence[StackStep]) -> None:
    """Show a plan; it is what a person agrees to, so that it goes to stderr like the question."""
    config = target.deployment.config
    place = f"account {config.account_number}, {config.region}"
    say(f"{target.environment} → {place}, deployment {config.deployment_name}\n")
    rows = [(step.component, step.action.value, _counts(step), step.note) for step in steps]
    say(table(("STACK", "ACTION", "RESOURCES", "REASON"), rows).rstrip("\n"))
    if any(step.action is Action.UPDATE for step in steps):
        say(f"`lisa diff --env {target.environment}` shows the impact of each change.")


def _counts(step: StackStep) -> str:
    counts = [(step.count(difference), difference.value) for difference in Difference]
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "-"


def show_drift(target: Target, findings: Sequence[Finding], index: Index) -> None:
    """Show drift, stack by stack and resource by resource, with the keys of the configuration."""
    place = shown_path(target.output / target.environment)
    if not findings:
        say(f"{target.environment}: the deployment matches {place}")
        return
    for stack, of_stack in groupby(findings, lambda finding: finding.stack):
        known = list(of_stack)
        block = index.shown(index.stacks.get(known[0].component, ()))
        put(f"{stack}{f'  ({block})' if block else ''}\n")
        for (cause, resource), differences in groupby(known, lambda finding: (finding.cause, finding.resource)):
            put(f"  {cause}: {resource or 'the complete stack'}\n")
            for each in differences:
                put(_format_drift_item(each, block))
    say(f"{target.environment}: {_counted(len(findings))} from {place}")


def _format_drift_item(finding: Finding, block: str) -> str:
    if finding.deployed is None and finding.compiled is None:
        return ""
    what = f"{finding.path}: " if finding.path else ""
    compiled = f", compiled {_value(finding.compiled)}" if finding.resource else ""
    key = f"  → {finding.key}" if finding.key and finding.key != block else ""
    return f"    {what}{_value(finding.deployed)}{compiled}{key}\n"


def _value(value: object) -> str:
    text = "absent" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _counted(count: int) -> str:
    return f"{count} difference{'' if count == 1 else 's'}"
