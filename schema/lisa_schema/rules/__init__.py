"""Rules across fields; importing this package registers them all."""

from lisa_schema.rules import (
    access,
    adapters,
    capacity,
    connections,
    environment,
    ineffective_keys,
    instances,
    litellm,
    models,
    network,
    partition,
    rag,
    runtime,
    secrets,
    trust,
)
from lisa_schema.rules.registry import Rule, RuleViolation, registered_rules, rule

__all__ = ["Rule", "RuleViolation", "registered_rules", "rule"]

RULE_MODULES = (
    access,
    adapters,
    capacity,
    connections,
    environment,
    ineffective_keys,
    instances,
    litellm,
    models,
    network,
    partition,
    rag,
    runtime,
    secrets,
    trust,
)
"""The modules that hold the rules."""
