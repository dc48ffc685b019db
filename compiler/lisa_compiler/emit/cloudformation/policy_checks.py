"""cdk-nag's AwsSolutions rules over every stack: what `runCdkNag: true` asks for.

cdk-nag 3 is a validation plugin of the CDK: it is attached to the app, so it sees every stack, and its findings fail
the synthesis. What is right as it is, is acknowledged beside the code that makes it (LisaStack.acknowledge).
"""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation import runtime
from lisa_schema.diagnostic_types import POLICY
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import aws_cdk as cdk

REPORT = "validation-report.json"


@dataclass(frozen=True, slots=True)
class NagViolation:
    """What cdk-nag objects to.

    Attributes:
        rule: its name, with what it found in brackets: `AwsSolutions-IAM5[Resource::*]`.
        construct: path of the construct, the stack first: `iam/RestApiTaskRole`.
        description: the rule's own words.
        is_error: whether cdk-nag calls it an error rather than a warning.
    """

    rule: str
    construct: str
    description: str
    is_error: bool


class PolicyError(ConfigurationError):
    """cdk-nag has findings.

    Attributes:
        violations: all of them.
    """

    def __init__(self, violations: Sequence[NagViolation]) -> None:
        self.violations = tuple(violations)
        super().__init__(
            POLICY.at(None, f"{violation.rule} at {violation.construct}: {violation.description}")
            for violation in self.violations
        )


def synthesise(app: cdk.App, output: Path) -> None:
    """Synthesise an app under cdk-nag.

    Args:
        app: the app, its stacks added.
        output: its output folder, where the CDK leaves the report.

    Raises:
        PolicyError: there are findings.
    """
    runtime.start()
    import aws_cdk as cdk
    import cdk_nag

    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        with _quiet():
            app.synth()
    except RuntimeError as error:
        violations = _violations(output)
        if not violations:
            raise
        raise PolicyError(violations) from error
    (output / REPORT).unlink(missing_ok=True)


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
