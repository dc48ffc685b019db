"""Print plans and drift."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.deploy.plan import Action, StackChange
from lisa_compiler.deploy.template_diff import ChangeType
from lisa_compiler.project.paths import shown_path

if TYPE_CHECKING:
    from lisa_compiler.deploy.drift import DriftItem
    from lisa_compiler.provenance.index import Index

_LONGEST_VALUE = 40


def show_plan(context: DeploymentContext, steps: Sequence[StackChange]) -> None:
    """Print a plan to stderr, as the prompt that asks for its approval."""
    config = context.deployment.config
    place = f"account {config.account_number}, {config.region}"
    print_status(f"{context.environment} → {place}, deployment {config.deployment_name}\n")
    rows = [(step.component, step.action.value, _counts(step), step.reason) for step in steps]
    print_status(table(("STACK", "ACTION", "RESOURCES", "REASON"), rows).rstrip("\n"))
    if any(step.action is Action.UPDATE for step in steps):
        print_status(f"`lisa diff --env {context.environment}` shows the impact of each change.")


def _counts(step: StackChange) -> str:
    counts = [(step.count(difference), difference.value) for difference in ChangeType]
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "-"


def show_drift(context: DeploymentContext, findings: Sequence[DriftItem], index: Index) -> None:
    """Print drift, stack by stack and resource by resource."""
    place = shown_path(context.output)
    if not findings:
        print_status(f"{context.environment}: the deployment matches {place}")
        return
    for stack, of_stack in groupby(findings, lambda finding: finding.stack):
        known = list(of_stack)
        block = index.shown(index.stacks.get(known[0].component, ()))
        write_output(f"{stack}{f'  ({block})' if block else ''}\n")
        for (cause, resource), differences in groupby(known, lambda finding: (finding.cause, finding.resource)):
            write_output(f"  {cause}: {resource or 'the complete stack'}\n")
            for each in differences:
                write_output(_format_drift_item(each, block))
    print_status(f"{context.environment}: {_counted(len(findings))} from {place}")


def _format_drift_item(finding: DriftItem, block: str) -> str:
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
