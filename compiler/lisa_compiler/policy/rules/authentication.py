"""Rules about authentication: what the gateway, the API and its authorizer are configured with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_compiler.output.gateway_authentication import (
    COMPONENT,
    TASK_DEFINITION,
    Access,
    gateway_tasks,
    read_authentication,
)
from lisa_compiler.policy.rules.api_methods import open_methods
from lisa_compiler.policy.rules.network import is_on_internet
from lisa_compiler.policy.rules.rule import Facts, PolicyRule, Violation, as_list
from lisa_compiler.policy.templates import Template

_AUTHORIZER: Final = "api-base"
_LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"
_TARGET_GROUP: Final = "AWS::ElasticLoadBalancingV2::TargetGroup"
_REQUESTS: Final = "AWS::ApiGateway::Authorizer"


def _unauthenticated(template: Template, facts: Facts) -> Iterator[Violation]:
    yield from open_methods(template)
    if template.component == COMPONENT:
        yield from _gateway(template, facts)
        yield from _services(template)
    if template.component == _AUTHORIZER:
        yield from _authorizers(template)
        called = {_function(properties.get("AuthorizerUri")) for _, properties in template.of_type(_REQUESTS)}
        for logical_id, properties in template.of_type("AWS::Lambda::Function"):
            variables = properties.get("Environment", {}).get("Variables", {})
            if logical_id in called or "AUTHORITY" in variables:
                yield from _mismatches(logical_id, variables, facts, absent=("LEGACY_TOKENS", "TOKEN_TABLE_NAME"))


def _gateway(template: Template, facts: Facts) -> Iterator[Violation]:
    on_internet = any(is_on_internet(properties) for _, properties in template.of_type(_LOAD_BALANCER))
    for logical_id, task in gateway_tasks(template.resources):
        found = read_authentication(task)
        if facts.authenticates or on_internet:
            why = "is internet-facing" if on_internet else "has authConfig"
            yield from (
                Violation(logical_id, f"The gateway {why}, but authentication is not ensured: {problem}")
                for problem in found.problems
            )
        if found.access is Access.AUTHENTICATED:
            yield from _mismatches(logical_id, found.trusted, facts)


def _services(template: Template) -> Iterator[Violation]:
    """Find services that run, and listeners that reach, something that the template does not define."""
    for logical_id, service in template.of_type("AWS::ECS::Service"):
        if not _refers(template, service.get("TaskDefinition"), TASK_DEFINITION):
            yield Violation(logical_id, "The service runs a task definition that is not in the template.")
    for logical_id, listener in template.of_type("AWS::ElasticLoadBalancingV2::Listener"):
        for action in as_list(listener.get("DefaultActions")):
            target = action.get("TargetGroupArn")
            if target is not None and not _refers(template, target, _TARGET_GROUP):
                yield Violation(logical_id, "The listener forwards to a target group that is not in the template.")


def _authorizers(template: Template) -> Iterator[Violation]:
    for logical_id, properties in template.of_type(_REQUESTS):
        if template.kind(_function(properties.get("AuthorizerUri"))) != "AWS::Lambda::Function":
            yield Violation(logical_id, "The authorizer calls a function that is not in the template.")


def _function(uri: Any) -> str:
    """Return the logical id of the function that an address of API Gateway calls; empty when there is none."""
    parts = uri.get("Fn::Join", ["", []])[1] if isinstance(uri, Mapping) else ()
    found = [part["Fn::GetAtt"][0] for part in as_list(parts) if isinstance(part, Mapping) and "Fn::GetAtt" in part]
    return str(found[0]) if len(found) == 1 else ""


def _refers(template: Template, value: Any, kind: str) -> bool:
    return isinstance(value, Mapping) and template.kind(str(value.get("Ref"))) == kind


def _mismatches(
    logical_id: str, variables: Mapping[str, Any], facts: Facts, absent: tuple[str, ...] = ()
) -> Iterator[Violation]:
    for name, expected in facts.trusted.items():
        value = variables.get(name)
        if name not in absent and value != expected:
            yield Violation(logical_id, f"`{name}` is `{value}`, but the configuration sets `{expected}`.")


RULES: Final = (
    PolicyRule(
        "LISA-P13",
        "authenticated-callers",
        "The gateway, and API methods that are not public by design, must authenticate callers as configured.",
        "Without authentication, every caller that can reach the gateway can use its models.",
        "Run `lisa compile`, and set authConfig; do not edit templates.",
        _unauthenticated,
    ),
)
