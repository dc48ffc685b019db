"""Templates to check: a few resources, as the rules read them."""

from __future__ import annotations

import json
from typing import Any

from lisa_compiler.policy.rules import RULES, Facts, PolicyRule
from lisa_compiler.policy.templates import Template

FACTS = Facts(account="123456789012", partition="aws", retains=True, bounded=True, internet_facing=True)


def template(component: str = "serve", **resources: dict[str, Any]) -> Template:
    """A template of a component, with resources by logical id."""
    return Template(component, json.dumps({"Resources": resources}), resources)


def resource(kind: str, /, **properties: Any) -> dict[str, Any]:
    """A resource of a type."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def rule(name: str) -> PolicyRule:
    """A rule by its name."""
    return next(rule for rule in RULES if rule.name == name)
