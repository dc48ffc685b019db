"""cfn-lint on templates: what CloudFormation would refuse (https://github.com/aws-cloudformation/cfn-lint)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

from lisa_compiler.policy.finding import Finding, Tool
from lisa_compiler.policy.templates import Template
from lisa_schema.diagnostics import Severity
from lisa_schema.errors import LisaError

_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING}


def lint(templates: tuple[Template, ...], environment: str, region: str) -> tuple[Finding, ...]:
    """Lint the templates of an environment.

    Args:
        templates: of its stacks.
        environment: its name.
        region: where it is deployed; a region that cfn-lint does not know is linted as us-east-1.

    Raises:
        LisaError: cfn-lint is not installed.
    """
    if importlib.util.find_spec("cfnlint") is None:
        raise LisaError(
            "cfn-lint is not installed: pip install 'lisa-gitops[policy]', or skip it with --only lisa --only cdk-nag."
        )
    return tuple(finding for template in templates for finding in _lint(template, environment, region))


def _lint(template: Template, environment: str, region: str) -> Iterator[Finding]:
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs
    from cfnlint.helpers import REGIONS

    found = lint(template.text, config=ManualArgs(regions=[region if region in REGIONS else "us-east-1"]))
    for match in found:
        yield _finding(match, template, environment)


def _finding(match: Any, template: Template, environment: str) -> Finding:
    # A match's path is empty, or ends in the middle of a template that cannot be parsed.
    path = [str(step) for step in getattr(match, "path", None) or ()]
    section, name = (path[0], path[1]) if len(path) > 1 else ("", "")
    below = ".".join(path[2:])
    return Finding(
        tool=Tool.CFN_LINT,
        rule=match.rule.id,
        environment=environment,
        component=template.component,
        resource=name,
        kind=template.kind(name) if section == "Resources" else "",
        message=_sentence(match.message) + (f" (at {below})" if below else ""),
        fix="",
        title=_sentence(match.rule.shortdesc),
        severity=_SEVERITIES.get(match.rule.severity, Severity.WARNING),
    )


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".") + "."
