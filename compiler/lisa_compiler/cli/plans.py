"""How plans and drift are shown to a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lisa_compiler.cli.requests import shown_path
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.targets import Target
from lisa_compiler.cli.terminal import put, say
from lisa_compiler.deploy.comparing import Difference
from lisa_compiler.deploy.planning import Action, StackStep
from lisa_compiler.deploy.terms import component_key

if TYPE_CHECKING:
    from lisa_compiler.deploy.drift import Finding

_LONGEST_VALUE = 60


def show_plan(target: Target, steps: Sequence[StackStep]) -> None:
    """Show a plan; it is what a person agrees to, so that it goes to stderr like the question."""
    config = target.deployment.config
    place = f"account {config.account_number}, {config.region}"
    say(f"{target.environment} → {place}, deployment {config.deployment_name}\n")
    rows = [(step.component, step.action.value, _counts(step), step.note) for step in steps]
    say(table(("STACK", "ACTION", "RESOURCES", "WHY"), rows).rstrip("\n"))
    if any(step.action is Action.UPDATE for step in steps):
        say(f"`lisa diff --env {target.environment}` says what each change means, and what is replaced.")


def _counts(step: StackStep) -> str:
    counts = [(step.count(difference), difference.value) for difference in Difference]
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "-"


def show_drift(target: Target, findings: Sequence[Finding]) -> None:
    """Show drift, stack by stack."""
    place = shown_path(target.output / target.environment)
    if not findings:
        say(f"{target.environment}: what is deployed is {place}")
        return
    stack = ""
    for finding in findings:
        if finding.stack != stack:
            stack = finding.stack
            key = component_key(target.deployment, finding.component)
            put(f"{stack}{f'  {key}' if key else ''}\n")
        put(f"  {finding.cause}: {_told(finding)}\n")
    say(f"{target.environment}: {len(findings)} difference{'s' if len(findings) > 1 else ''} from {place}")


def _told(finding: Finding) -> str:
    if not finding.resource:
        return str(finding.deployed or "the whole stack")
    what = " ".join(filter(None, (finding.resource, finding.path)))
    key = f" → {finding.key}" if finding.key else ""
    return f"{what} is {_value(finding.deployed)}, compiled is {_value(finding.compiled)}{key}"


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
