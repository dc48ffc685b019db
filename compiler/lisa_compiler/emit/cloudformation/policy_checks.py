"""cdk-nag's AwsSolutions rules over every stack: what `runCdkNag: true` asks for.

cdk-nag 3 is a validation plugin of the CDK: it is attached to the app, so it sees every stack, and its findings fail
the synthesis. What is right as it is, is acknowledged beside the code that makes it (LisaStack.acknowledge).
"""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
import cdk_nag

from lisa_compiler.emit.cloudformation.protocol import NagViolation, Rejected

if TYPE_CHECKING:
    from pathlib import Path

REPORT = "validation-report.json"


def check(app: cdk.App, output: Path) -> Rejected | None:
    """Synthesize an app under cdk-nag; None when it has no findings.

    Args:
        app: the app, its stacks added.
        output: its output folder, where the CDK leaves the report.
    """
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        with _quiet():
            app.synth()
    except RuntimeError:
        violations = _violations(output)
        if not violations:
            raise
        return Rejected(tuple(violations))
    (output / REPORT).unlink(missing_ok=True)
    return None


def _quiet() -> contextlib.redirect_stderr[io.TextIOWrapper]:
    # The CDK prints the findings itself, without the places that LISA knows.
    return contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO(), write_through=True))


def _violations(output: Path) -> list[NagViolation]:
    report = output / REPORT
    if not report.exists():
        return []
    return [
        NagViolation(
            violation["ruleName"],
            construct["constructPath"],
            violation["description"],
            is_error=violation.get("severity") != "warning",
        )
        for plugin in json.loads(report.read_text(encoding="utf-8"))["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
