"""Templates to check: a few resources, as the rules read them."""

from __future__ import annotations

import json
from typing import Any

from lisa_compiler.policy.rules import RULES, Facts, PolicyRule
from lisa_compiler.policy.templates import Template

TRUSTED = {
    "ADMIN_GROUP": "admins",
    "AUTHORITY": "https://idp.example.com",
    "CLIENT_ID": "lisa",
    "JWT_GROUPS_PROP": "groups",
    "LEGACY_TOKENS": "false",
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


def gateway(**changes: Any) -> dict[str, Any]:
    """The gateway's task definition, with other variables, `secrets` and `more` of its container; None removes one."""
    secrets, more = changes.pop("secrets", ()), changes.pop("more", {})
    values = {"USE_AUTH": "true", **TRUSTED, "AWS_REGION": "us-east-1", **changes}
    container = {
        "Name": "rest-api",
        "Environment": [{"Name": name, "Value": value} for name, value in values.items() if value is not None],
        "Secrets": [{"Name": name, "ValueFrom": "arn:aws:ssm:us-east-1:1:parameter/x"} for name in secrets],
        **more,
    }
    return resource("ECS::TaskDefinition", ContainerDefinitions=[container])


def rule(name: str) -> PolicyRule:
    """A rule by its name."""
    return next(rule for rule in RULES if rule.name == name)
