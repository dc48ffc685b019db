"""Rules across fields; importing this package registers them all."""

from lisa_schema.rules import (
    access,
    arns,
    capacity,
    connections,
    engine_variables,
    environment,
    gpus,
    images,
    ineffective_keys,
    instances,
    litellm,
    models,
    network,
    partition,
    rag,
    runtime,
    secret_references,
    secrets,
    server_arguments,
    stores,
    texts,
    trust,
)
from lisa_schema.rules.registry import Rule, RuleViolation, registered_rules, rule

__all__ = ["Rule", "RuleViolation", "registered_rules", "rule"]

RULE_MODULES = (
    access,
    arns,
    capacity,
    connections,
    engine_variables,
    environment,
    images,
    gpus,
    ineffective_keys,
    instances,
    litellm,
    models,
    network,
    partition,
    rag,
    runtime,
    secret_references,
    secrets,
    stores,
    texts,
    server_arguments,
    trust,
)
"""The modules that hold the rules."""
