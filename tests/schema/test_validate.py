"""Validation tells everything at once, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from lisa_schema import ConfigurationError
from lisa_schema.document import Document, MappingNode
from lisa_schema.overlay import merge
from lisa_schema.validate import validate
from lisa_schema.yaml_reader import read_yaml

ONE_MODEL = (Path(__file__).parent / "configs" / "good" / "one_model.yaml").read_text(encoding="utf-8")


def document(*changes: tuple[str, str]) -> Document:
    text = ONE_MODEL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    root, errors = read_yaml(text, "config.yaml")
    assert isinstance(root, MappingNode)
    block = root.get("dev")
    assert isinstance(block, MappingNode)
    merged = merge([block])
    return Document(merged.root, (*errors, *merged.errors), "dev")


def findings(*changes: tuple[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as caught:
        validate(document(*changes))
    return [(found.rule, found.key_path) for found in caught.value.diagnostics]


def test_structure_and_rules_at_once() -> None:
    assert findings(
        ("deploymentStage: dev", "deploymentStage: a_b\n  deployChat: false"), ("g5.xlarge", "g5.huge")
    ) == [
        ("ui-needs-chat", "deployUi"),
        ("invalid-format", "deploymentStage"),
        ("instance-type-known", "ecsModels[0].instanceType"),
    ]


def test_a_misspelt_key_is_told_once() -> None:
    assert findings(("modelType", "modelTyp"), ("deploymentName", "deploymentname")) == [
        ("unknown-key", "deploymentname"),
        ("unknown-key", "ecsModels[0].modelTyp"),
    ]


def test_what_follows_from_a_broken_value_is_not_told() -> None:
    assert findings(("streaming: true", "streaming: maybe")) == [("invalid-type", "ecsModels[0].streaming")]
    assert findings(("    authority: https://idp.example.com/realms/demo\n", "")) == [
        ("required-missing", "authConfig.authority")
    ]


def test_a_misspelt_model_id_makes_no_duplicates() -> None:
    model = ONE_MODEL.partition("  ecsModels:\n")[2]
    second = model.replace("modelId: mistral7b", "modelIdd: other")
    assert findings((model, model + second)) == [("unknown-key", "ecsModels[1].modelIdd")]


def test_reading_errors_are_told_with_the_others() -> None:
    found = findings(("region: us-east-1", "region: us-east-1\n  region: us-west-2"), ("g5.xlarge", "g5.huge"))
    assert [rule for rule, _ in found] == ["yaml-duplicate-key", "instance-type-known"]


def test_warnings_do_not_fail() -> None:
    validated = validate(document(("python:3.11", "python:3.9")))
    assert [found.rule for found in validated.diagnostics] == ["gateway-python"]
    assert validated.config.deployment_name == "demo"
