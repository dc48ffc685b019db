"""The committed schemas and pages are those that the models make, and they accept what the compiler accepts."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import lisa_schema
from lisa_schema import VERSION, effective, models
from lisa_schema.diagnostic_list import DIAGNOSTIC_TYPES
from lisa_schema.document import plain_data
from lisa_schema.export import SCHEMA_FILES, config_schema, effective_schema, overlay_schema, schema_text
from lisa_schema.reference import PAGES, ungrouped_fields
from lisa_schema.rules import registered_rules
from lisa_schema.yaml_reader import read_yaml

ROOT = Path(__file__).parents[2]
CONFIGS = Path(__file__).parent / "configs"


@pytest.mark.parametrize("name", SCHEMA_FILES)
def test_schema_is_not_stale(name: str) -> None:
    committed = (ROOT / "schema" / name).read_text(encoding="utf-8")
    assert committed == schema_text(SCHEMA_FILES[name]()), "run: python -m lisa_schema.export"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_not_stale(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert committed == PAGES[name](), "run: python -m lisa_schema.reference"


@pytest.mark.parametrize("make", [config_schema, overlay_schema, effective_schema])
def test_schema_is_a_schema(make: object) -> None:
    Draft202012Validator.check_schema(make())  # type: ignore[operator]


@pytest.mark.parametrize("path", sorted((CONFIGS / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_editor_schema_accepts_good_configurations(path: Path) -> None:
    node, _ = read_yaml(path.read_text(encoding="utf-8"), path.name)
    assert node is not None
    errors = Draft202012Validator(config_schema()).iter_errors(plain_data(node))
    assert [error.message for error in errors] == []


@pytest.mark.parametrize("overlay", [{}, {"region": None}, {"ecsModels": [{"modelId": "a", "deploy": False}]}])
def test_overlay_schema_requires_nothing(overlay: object) -> None:
    assert Draft202012Validator(overlay_schema()).is_valid(overlay)


def test_overlay_schema_knows_the_keys() -> None:
    assert not Draft202012Validator(overlay_schema()).is_valid({"regoin": "us-east-1"})


def test_every_field_is_described() -> None:
    schema = effective_schema()
    blocks = [schema, *(block for block in schema["$defs"].values() if "properties" in block)]
    for block in blocks:
        for name, part in block["properties"].items():
            assert part.get("description") or effective.resolved(part).get("description"), name


def test_every_field_is_in_the_reference() -> None:
    assert ungrouped_fields() == frozenset()


def test_every_pattern_is_told_in_words() -> None:
    text = json.dumps(effective_schema())
    assert text.count('"pattern":') == text.count('"patternErrorMessage":')


def test_codes_and_names_are_unique() -> None:
    codes = [kind.code for kind in DIAGNOSTIC_TYPES] + [rule.code for rule in registered_rules()]
    names = [kind.rule for kind in DIAGNOSTIC_TYPES] + [rule.name for rule in registered_rules()]
    assert len(set(codes)) == len(codes)
    assert len(set(names)) == len(names)


def test_version_is_that_of_the_distribution() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == VERSION


def test_packages_export_what_they_say() -> None:
    for package in (lisa_schema, models):
        assert package.__all__ == sorted(package.__all__, key=lambda name: (not name.isupper(), name))
        for name in package.__all__:
            assert hasattr(package, name)
