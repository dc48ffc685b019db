"""cdk-nag's AwsSolutions rules: the stacks are synthesized again, since it reads constructs and not templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.compile.pipeline import compile_planned
from lisa_compiler.compile.planning import plan_environment
from lisa_compiler.compile.weights import LocalWeights
from lisa_compiler.emit.cloudformation.protocol import NagViolation, PolicyError
from lisa_compiler.policy.finding import PolicyFinding, Tool
from lisa_schema.diagnostics import Severity

if TYPE_CHECKING:
    from lisa_compiler.policy.templates import Template
    from lisa_compiler.project.project import ValidEnvironment

_FIX = "Change what the finding is about, or waive it."


def nag(environment: ValidEnvironment, templates: tuple[Template, ...]) -> tuple[PolicyFinding, ...]:
    """Run cdk-nag over the stacks of an environment.

    Args:
        environment: the environment.
        templates: the committed ones, for the types of the resources.

    Raises:
        LisaError: it cannot be compiled.
    """

    def finding(violation: NagViolation) -> PolicyFinding:
        component, _, resource = violation.construct.partition("/")
        rule, bracket, detail = violation.rule.partition("[")
        about = f" It found {detail.removesuffix(']')}." if bracket else ""
        return PolicyFinding(
            tool=Tool.CDK_NAG,
            rule=rule,
            environment=environment.name,
            component=component,
            resource=resource,
            resource_type=next((one.kind(resource) for one in templates if one.component == component), ""),
            message=violation.description.rstrip(".") + "." + about,
            fix=_FIX,
            title=violation.description.rstrip(".") + ".",
            severity=Severity.ERROR if violation.is_error else Severity.WARNING,
        )

    try:
        compile_planned(plan_environment(environment.with_config(run_cdk_nag=True)), local_weights=LocalWeights.IGNORE)
    except PolicyError as error:
        return tuple(finding(violation) for violation in error.violations)
    return ()
