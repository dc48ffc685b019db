"""The tree remembers where everything was written, and scalars keep their text."""

from __future__ import annotations

import pytest

from lisa_schema import ConfigurationError, Origin
from lisa_schema.document import Document, MappingNode, ScalarNode, key_path, node_of, plain_data, plain_value
from lisa_schema.yaml_reader import MAX_DEPTH, read_yaml


def read(text: str) -> Document:
    root, errors = read_yaml(text, "config.yaml")
    assert isinstance(root, MappingNode)
    return Document(root, errors)


def rules_of(text: str) -> list[str]:
    try:
        return [error.rule for error in read_yaml(text, "f.yaml")[1]]
    except ConfigurationError as error:
        return [found.rule for found in error.diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("8e-7", 8e-7),
        ("yes", "yes"),
        ("012", "012"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("2024-01-01", "2024-01-01"),
    ],
)
def test_scalars_without_quotes(text: str, value: object) -> None:
    found = plain_value(text)
    assert found == value
    assert type(found) is type(value)


def test_origins_of_keys_and_values() -> None:
    document = read("a:\n  b: 1\n  c:\n    - x\n    - y: z\n")
    assert document.origin(("a", "b")) == Origin("config.yaml", 2, 6)
    assert document.key_origin(("a", "b")) == Origin("config.yaml", 2, 3)
    assert document.origin(("a", "c", 1, "y")) == Origin("config.yaml", 5, 10)
    assert document.origin(("a", "missing", "deeper")) == Origin("config.yaml", 1, 1)
    assert [path for path, _ in document.leaves()] == [("a", "b"), ("a", "c", 0), ("a", "c", 1, "y")]


def test_find() -> None:
    document = read("a: [x, {b: 1}]\n")
    found = document.find(("a", 1, "b"))
    assert isinstance(found, ScalarNode)
    assert found.text == "1"
    assert document.find(("a", 2)) is None
    assert document.plain() == {"a": ["x", {"b": 1}]}


def test_tags_of_plain_data_are_read() -> None:
    assert read("a: !!str 12\nb: !!int '12'\nc: !!map {d: e}\n").plain() == {"a": "12", "b": 12, "c": {"d": "e"}}


def test_aliases_and_merge_keys() -> None:
    document = read("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [{a: 4}, *x]}\nw: {'<<': 1}\n")
    assert document.plain() == {
        "x": {"a": 1, "b": 2},
        "y": {"b": 3, "a": 1},
        "z": {"a": 4, "b": 2},
        "w": {"<<": 1},
    }
    assert document.origin(("y", "a")) == Origin("config.yaml", 1, 11)


def test_nesting_is_bounded() -> None:
    assert rules_of("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []
    assert rules_of("[" * 5000 + "]" * 5000) == ["yaml-depth"]


def test_every_error_of_a_file_is_told() -> None:
    text = "a: !x 1\na: 2\n? [b]\n: c\nd: *e\n<<: f\n"
    assert rules_of(text) == ["yaml-tag", "yaml-duplicate-key", "yaml-key", "yaml-alias", "yaml-merge"]


def test_characters_that_no_text_may_have() -> None:
    assert rules_of('a: "\\0"\n') == ["yaml-character"]
    assert rules_of("a: \x07\n") == ["yaml-character"]


def test_plain_data_becomes_nodes_and_back() -> None:
    data = {"a": [1, "1", True, None, {"b": 1.5}]}
    assert plain_data(node_of(data, Origin("--set"))) == data


def test_key_paths_read_like_options() -> None:
    assert key_path(("ecsModels", 0, "containerConfig", "environment", "A b")) == (
        "ecsModels[0].containerConfig.environment[A b]"
    )
