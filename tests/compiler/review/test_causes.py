"""The changed settings that changed resources came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lisa_compiler.provenance.index import Index, Place
from lisa_compiler.review.causes import with_settings
from lisa_compiler.review.change import compare
from lisa_compiler.review.differences import Difference, Name
from lisa_compiler.review.json_report import as_data
from lisa_compiler.review.rendering import Comparison, markdown, text
from lisa_schema.document import Path

from .conftest import ENVIRONMENT
from .outputs import output, resource

COMPARED = Comparison(base="0123456789", reference="main", command="lisa diff --env prod")
SIZE: Path = ("ecsModels", 0, "instanceType")
STAGE: Path = ("deploymentStage",)
CHANGED = (
    Difference(("ecsModels", Name("writer"), "instanceType"), "a", "b"),
    Difference(("deploymentStage",), "dev", "test"),
)


def causes(
    keys: Mapping[str, Mapping[str, Iterable[Path]]],
    before: Mapping[str, Mapping[str, str]],
    after: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, tuple[str, ...]], str, str]:
    """By logical id of a topic, the settings behind its change; the comment and the text for a terminal."""
    index = Index(
        resources={
            Place("core", name): {path: tuple(own) for path, own in paths.items()} for name, paths in keys.items()
        },
        names={("ecsModels", 0): "writer"},
    )
    sides = (
        output({"core": {name: resource("SNS::Topic", **properties) for name, properties in side.items()}})
        for side in (before, after)
    )
    change = with_settings(replace(compare(ENVIRONMENT, *sides), settings=CHANGED), index)
    found = {one.resource.logical_id: one.settings for one in change.resources}
    assert '"settings": [' in as_data(change, COMPARED)
    return found, markdown(change, COMPARED), text(change, COMPARED)


def test_a_resource_has_the_settings_of_the_values_that_change() -> None:
    keys = {"A": {"DisplayName": [SIZE], "TopicName": [STAGE]}, "B": {"DisplayName": [("logLevel",)]}}
    before = {"A": {"DisplayName": "x", "TopicName": "n"}, "B": {"DisplayName": "x"}}
    found, comment, words = causes(
        keys, before, {"A": {"DisplayName": "y", "TopicName": "n"}, "B": {"DisplayName": "y"}}
    )
    assert found == {"A": ("ecsModels[writer].instanceType",), "B": ()}
    assert "| Stack | Resource | Action | Change | Settings |" in comment
    assert "`DisplayName` `x` → `y` | `ecsModels[writer].instanceType` |" in comment
    assert "DisplayName x → y (ecsModels[writer].instanceType)\n" in words


def test_a_new_resource_has_the_settings_of_all_its_values() -> None:
    keys = {"A": {"": [STAGE], "DisplayName": [SIZE]}}
    found, _, _ = causes(keys, {}, {"A": {"DisplayName": "x"}})
    assert found == {"A": ("ecsModels[writer].instanceType", "deploymentStage")}


def test_a_block_that_changes_is_named_for_the_keys_in_it() -> None:
    keys = {"A": {"DisplayName": [("ecsModels", 0, "instanceType", "size")]}}
    found, _, _ = causes(keys, {"A": {"DisplayName": "x"}}, {"A": {"DisplayName": "y"}})
    assert found == {"A": ("ecsModels[writer].instanceType",)}


def test_what_no_setting_changes_has_no_column() -> None:
    found, comment, _ = causes({}, {"A": {"DisplayName": "x"}, "B": {}}, {"A": {"DisplayName": "y"}})
    assert found == {"A": (), "B": ()}
    assert "| Stack | Resource | Action | Change |\n" in comment
