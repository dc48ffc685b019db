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

from lisa_schema.catalogue import POLICY
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from lisa_schema.diagnostics import Diagnostic

REPORT = "validation-report.json"


def synthesise(app: cdk.App, output: Path) -> None:
    """Synthesise an app under cdk-nag.

    Args:
        app: the app, its stacks added.
        output: its output folder, where the CDK leaves the report.

    Raises:
        ConfigurationError: there are findings, one diagnostic each.
    """
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        with _quiet():
            app.synth()
    except RuntimeError as error:
        findings = _findings(output)
        if not findings:
            raise
        raise ConfigurationError(findings) from error
    (output / REPORT).unlink(missing_ok=True)


def _quiet() -> contextlib.redirect_stderr[io.TextIOWrapper]:
    # The CDK prints the findings itself, without the places that LISA knows.
    return contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO(), write_through=True))


def _findings(output: Path) -> list[Diagnostic]:
    report = output / REPORT
    if not report.exists():
        return []
    return [
        POLICY.at(None, f"{violation['ruleName']} at {construct['constructPath']}: {violation['description']}")
        for plugin in json.loads(report.read_text(encoding="utf-8"))["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
