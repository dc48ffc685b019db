"""Rules about authentication: what the gateway and the authorizer of the API are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_compiler.gateway_authentication import COMPONENT, Access, gateway_tasks, read_authentication
from lisa_compiler.policy.rules.network import is_on_internet
from lisa_compiler.policy.rules.rule import Facts, PolicyRule, Violation
from lisa_compiler.policy.templates import Template

_AUTHORIZER: Final = "api-base"
_LOAD_BALANCER: Final = "AWS::ElasticLoadBalancingV2::LoadBalancer"


def _unauthenticated(template: Template, facts: Facts) -> Iterator[Violation]:
    if template.component == COMPONENT:
        yield from _gateway(template, facts)
    if template.component == _AUTHORIZER:
        for logical_id, properties in template.of_type("AWS::Lambda::Function"):
            variables = properties.get("Environment", {}).get("Variables", {})
            if "AUTHORITY" in variables:
                yield from _mismatches(logical_id, variables, facts, absent=("TOKEN_TABLE_NAME",))


def _gateway(template: Template, facts: Facts) -> Iterator[Violation]:
    on_internet = any(is_on_internet(properties) for _, properties in template.of_type(_LOAD_BALANCER))
    for logical_id, task in gateway_tasks(template.resources):
        found = read_authentication(task)
        if facts.authenticates or on_internet:
            why = "is on the internet" if on_internet else "has authConfig"
            yield from (
                Violation(logical_id, f"The REST API {why}, but authentication is not ensured: {problem}")
                for problem in found.problems
            )
        if found.access is Access.AUTHENTICATED:
            yield from _mismatches(logical_id, found.trusted, facts)


def _mismatches(
    logical_id: str, variables: Mapping[str, Any], facts: Facts, absent: tuple[str, ...] = ()
) -> Iterator[Violation]:
    for name, expected in facts.trusted.items():
        value = variables.get(name)
        if name not in absent and value != expected:
            yield Violation(logical_id, f"`{name}` is `{value}`, and the configuration says `{expected}`.")


RULES: Final = (
    PolicyRule(
        "LISA-P13",
        "authenticated-callers",
        "The gateway and the API's authorizer authenticate callers, as the configuration specifies.",
        "A public REST API without authentication answers anyone, with every model that it serves.",
        "Run `lisa compile`, and set authConfig; do not edit the task definition.",
        _unauthenticated,
    ),
)
