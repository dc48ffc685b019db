"""Templates to check: a few resources, as the rules read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lisa_compiler.policy.rules import RULES, Facts, PolicyRule
from lisa_compiler.policy.templates import Template

TRUSTED = {
    "ADMIN_GROUP": "admins",
    "AUTHORITY": "https://idp.example.com",
    "CLIENT_ID": "lisa",
    "JWT_GROUPS_PROP": "groups",
    "TOKEN_TABLE_NAME": "tokens",
}
FACTS = Facts(
    account="123456789012",
    partition="aws",
    retains=True,
    bounded=True,
    internet_facing=True,
    authenticates=True,
    trusted=TRUSTED,
)


def template(component: str = "serve", **resources: dict[str, Any]) -> Template:
    """A template of a component, with resources by logical id."""
    return Template(component, json.dumps({"Resources": resources}), resources)


def resource(kind: str, /, **properties: Any) -> dict[str, Any]:
    """A resource of a type."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def gateway(*, secrets: Sequence[str] = (), more: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The gateway's task definition, with other variables; None removes one."""
    values = {"USE_AUTH": "true", **TRUSTED, "AWS_REGION": "us-east-1", **changes}
    container = {
        "Name": "rest-api",
        "Environment": [{"Name": name, "Value": value} for name, value in values.items() if value is not None],
        "Secrets": [{"Name": name, "ValueFrom": "arn:aws:ssm:us-east-1:1:parameter/x"} for name in secrets],
        **(more or {}),
    }
    return resource("ECS::TaskDefinition", ContainerDefinitions=[container])


def rule(name: str) -> PolicyRule:
    """A rule by its name."""
    return next(rule for rule in RULES if rule.name == name)
