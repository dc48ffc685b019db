"""cdk-nag's AwsSolutions rules: the stacks are synthesised anew, since it reads constructs and not templates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.compile.weights import LocalWeights
from lisa_compiler.emit.cloudformation.policy_checks import NagViolation, PolicyError
from lisa_compiler.policy.finding import Finding, Tool
from lisa_compiler.policy.templates import Template
from lisa_schema.diagnostics import Severity
from lisa_schema.overlay import Override

_ON = Override("--set runCdkNag", ("runCdkNag",), value=True)
_FIX = "Fix the resource, or waive the finding in policy/waivers.yaml."


def nag(
    project: Path, environment: str, overrides: Sequence[Override], templates: tuple[Template, ...]
) -> tuple[Finding, ...]:
    """Run cdk-nag over the stacks of an environment.

    Args:
        project: folder of config.yaml.
        environment: name of the environment.
        overrides: options that win over the files.
        templates: the committed ones, for the types of the resources.

    Raises:
        ConfigurationError: the configuration has errors.
        LisaError: it cannot be compiled for another reason.
    """

    def finding(violation: NagViolation) -> Finding:
        component, _, resource = violation.construct.partition("/")
        rule, bracket, detail = violation.rule.partition("[")
        about = f" It found {detail.removesuffix(']')}." if bracket else ""
        return Finding(
            tool=Tool.CDK_NAG,
            rule=rule,
            environment=environment,
            component=component,
            resource=resource,
            kind=next((one.kind(resource) for one in templates if one.component == component), ""),
            message=violation.description.rstrip(".") + "." + about,
            fix=_FIX,
            title=violation.description.rstrip(".") + ".",
            severity=Severity.ERROR if violation.is_error else Severity.WARNING,
        )

    try:
        compile_environment(project, environment, overrides=(*overrides, _ON), local_weights=LocalWeights.IGNORE)
    except PolicyError as error:
        return tuple(finding(violation) for violation in error.violations)
    return ()
