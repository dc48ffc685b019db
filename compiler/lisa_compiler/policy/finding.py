"""Findings: what a check reports about one resource of one stack."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lisa_schema.diagnostics import Severity


class Tool(StrEnum):
    """The tools that check compiled output."""

    LISA = "lisa"
    CFN_LINT = "cfn-lint"
    CDK_NAG = "cdk-nag"
    LITELLM = "litellm"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFinding:
    """One finding.

    Attributes:
        tool: who found it.
        rule: id of the rule: `LISA-P01`, `E3012`, `AwsSolutions-IAM5`.
        environment: name of the environment.
        component: component of the stack, as `lisa stacks` lists it.
        resource: logical id, or for cdk-nag the construct's path, below the stack; empty for the stack itself.
        resource_type: CloudFormation type of the resource; empty when it is not known.
        message: what is wrong, a sentence.
        fix: what to do about it, an imperative sentence; may be empty.
        title: what the rule is about in general, a sentence.
        severity: error or warning.
    """

    tool: Tool
    rule: str
    environment: str
    component: str
    resource: str
    resource_type: str
    message: str
    fix: str
    title: str
    severity: Severity = Severity.ERROR

    @property
    def resource_path(self) -> str:
        """What a waiver names: `<component>/<resource>`, or the component alone."""
        return f"{self.component}/{self.resource}" if self.resource else self.component
