"""The keys that rules read, found by running them."""

from __future__ import annotations

from collections.abc import Callable

from lisa_compiler.plan import Deployment
from lisa_compiler.provenance.rules import keys_of_rules
from lisa_schema.models.base import ConfigModel, Passthrough
from lisa_schema.rules import registered_rules


def test_every_rule_has_the_keys_that_it_reads(planned: Callable[..., Deployment]) -> None:
    found = {rule.name: keys for rule, keys in keys_of_rules(planned().config).items()}
    assert set(found) == {rule.name for rule in registered_rules()}
    assert ("ecsModels", 0, "instanceType") in found["instance-type-known"]
    assert ("restApiConfig", "instanceType") in found["instance-type-known"]
    assert ("ecsModels", 0, "streaming") in found["textgen-needs-streaming"]
    assert ("ecsModels",) not in found["instance-type-known"]


def test_recording_ends_with_the_rules(planned: Callable[..., Deployment]) -> None:
    config = planned().config
    keys_of_rules(config)
    assert [vars(own).get("__getattribute__") for own in (ConfigModel, Passthrough)] == [None, None]
