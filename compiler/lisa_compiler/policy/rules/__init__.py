"""LISA's own rules: what its documentation promises of every deployment, checked on the templates."""

from __future__ import annotations

from lisa_compiler.policy.rules import access, authentication, data, network
from lisa_compiler.policy.rules.rule import Facts, PolicyRule, Violation

__all__ = ["RULES", "Facts", "PolicyRule", "Violation"]

RULES: tuple[PolicyRule, ...] = tuple(
    sorted((*access.RULES, *authentication.RULES, *data.RULES, *network.RULES), key=lambda rule: rule.id)
)
"""Every rule, by id."""
