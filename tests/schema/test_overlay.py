"""Layers merge as docs/reference.md says, and options come last."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_schema import ConfigurationError, Origin
from lisa_schema.document import Document, MappingNode
from lisa_schema.overlay import Override, merge, parse_override
from lisa_schema.yaml_reader import read_yaml


def layered(*texts: str, options: tuple[str, ...] = ()) -> Document:
    layers = []
    for number, text in enumerate(texts):
        root, _ = read_yaml(text, f"layer{number}.yaml")
        assert isinstance(root, MappingNode)
        layers.append(root)
    return merge(layers, [parse_override(option) for option in options])


def merged(*texts: str, options: tuple[str, ...] = ()) -> dict[str, Any]:
    document = layered(*texts, options=options)
    assert document.errors == ()
    return document.plain()


def test_mappings_merge_deeply_and_lists_replace() -> None:
    assert merged("a: {b: 1, c: 2}\nd: [1, 2]\n", "a: {c: 3, e: 4}\nd: [5]\n") == {
        "a": {"b": 1, "c": 3, "e": 4},
        "d": [5],
    }


def test_each_value_keeps_the_origin_of_its_layer() -> None:
    document = layered("a: {b: 1, c: 2}\n", "\na:\n  c: 3\n", options=("a.d=4",))
    assert document.origin(("a", "b")) == Origin("layer0.yaml", 1, 8)
    assert document.origin(("a", "c")) == Origin("layer1.yaml", 3, 6)
    assert document.origin(("a", "d")) == Origin("--set a.d")


def test_null_takes_the_default_back() -> None:
    assert merged("a: {b: 1}\n", "a: {b: null}\n", options=("a.c=",)) == {"a": {"b": None, "c": None}}


def test_models_merge_by_id_then_name() -> None:
    lower = "ecsModels: [{modelName: a/b, modelId: x, deploy: true}, {modelName: c, deploy: true}]\n"
    upper = "ecsModels: [{modelId: x, deploy: false}, {modelName: c, streaming: true}, {modelName: new}]\n"
    assert merged(lower, upper)["ecsModels"] == [
        {"modelName": "a/b", "modelId": "x", "deploy": False},
        {"modelName": "c", "deploy": True, "streaming": True},
        {"modelName": "new"},
    ]
    assert merged(lower, "ecsModels: [{modelName: a/b, deploy: false}]\n")["ecsModels"][0]["deploy"] is False


def test_a_name_that_several_models_have_is_ambiguous() -> None:
    lower = "ecsModels: [{modelName: a, modelId: x}, {modelName: a, modelId: y}]\n"
    document = layered(lower, "ecsModels: [{modelName: a, deploy: false}]\n")
    assert [error.rule for error in document.errors] == ["overlay-ambiguous"]


def test_an_overlay_that_names_a_model_twice_keeps_both() -> None:
    upper = "ecsModels: [{modelName: a, deploy: false}, {modelName: a, deploy: true}]\n"
    assert len(merged("ecsModels: [{modelName: a}]\n", upper)["ecsModels"]) == 2


def test_repositories_and_listed_models_merge_by_name() -> None:
    lower = (
        "ragRepositories: [{repositoryId: a, type: pgvector}]\nlitellmConfig: {model_list: [{model_name: m, x: 1}]}\n"
    )
    upper = (
        "ragRepositories: [{repositoryId: a, y: 2}]\n"
        "litellmConfig: {model_list: [{model_name: m, x: 3}, {model_name: n}]}\n"
    )
    assert merged(lower, upper) == {
        "ragRepositories": [{"repositoryId": "a", "type": "pgvector", "y": 2}],
        "litellmConfig": {"model_list": [{"model_name": "m", "x": 3}, {"model_name": "n"}]},
    }


@pytest.mark.parametrize(
    ("upper", "image"),
    [
        ("{type: ecr, repositoryArn: r}", {"type": "ecr", "repositoryArn": "r"}),
        ("{registry: r}", {"registry": "r"}),
        ("{baseImage: b}", {"baseImage": "b", "path": "p"}),
    ],
)
def test_an_image_of_another_kind_replaces(upper: str, image: dict[str, str]) -> None:
    lower = "restApiConfig: {containerConfig: {image: {baseImage: a, path: p}}}\n"
    found = merged(lower, f"restApiConfig: {{containerConfig: {{image: {upper}}}}}\n")
    assert found["restApiConfig"]["containerConfig"]["image"] == image


def test_older_base_image_overlays_the_newer_form() -> None:
    lower = "restApiConfig: {containerConfig: {image: {baseImage: a, path: p}}}\n"
    found = merged(lower, "restApiConfig: {containerConfig: {baseImage: b}}\n")
    assert found["restApiConfig"]["containerConfig"] == {"image": {"baseImage": "b", "path": "p"}}


@pytest.mark.parametrize(
    ("option", "path", "value"),
    [
        ("region=us-east-1", ("region",), "us-east-1"),
        ("a.b[0].c=1", ("a", "b", 0, "c"), 1),
        (
            "ecsModels[mistralai/Mistral-7B-v0.2].deploy=false",
            ("ecsModels", "mistralai/Mistral-7B-v0.2", "deploy"),
            False,
        ),
        ("a[x=y].b=c=d", ("a", "x=y", "b"), "c=d"),
        ("tags=[{Key: a, Value: b}]", ("tags",), [{"Key": "a", "Value": "b"}]),
        ("a=", ("a",), None),
        ("a='12'", ("a",), "12"),
    ],
)
def test_options_are_parsed(option: str, path: tuple[str | int, ...], value: object) -> None:
    override = parse_override(option)
    assert override.path == path
    document = merge([], [Override("--set", ("v",), override.value)])
    assert document.plain() == {"v": value}


@pytest.mark.parametrize(
    ("option", "rule"),
    [
        ("region", "option-path"),
        ("=x", "option-path"),
        (".a=x", "option-path"),
        ("a..b=x", "option-path"),
        ("a[=x", "option-path"),
        ("a[]=x", "option-path"),
        ("a={b", "option-value"),
        ("a=!tag b", "option-value"),
        ("a={b: 1, b: 2}", "option-value"),
    ],
)
def test_options_that_cannot_be_read(option: str, rule: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_override(option)
    assert [found.rule for found in caught.value.diagnostics] == [rule]


def test_options_reach_into_lists() -> None:
    lower = "ecsModels: [{modelName: a, modelId: x}]\ntags: [1]\n"
    found = merged(lower, options=("ecsModels[x].deploy=false", "ecsModels[1].modelName=b", "tags[0]=2"))
    assert found == {
        "ecsModels": [{"modelName": "a", "modelId": "x", "deploy": False}, {"modelName": "b"}],
        "tags": [2],
    }


@pytest.mark.parametrize("option", ["ecsModels[y].deploy=1", "ecsModels[5].deploy=1", "region.x=1", "region[0]=1"])
def test_options_that_lead_nowhere(option: str) -> None:
    document = layered("ecsModels: [{modelName: a}]\nregion: r\n", options=(option,))
    assert [error.rule for error in document.errors] == ["option-path"]


def test_plain_values_of_options_are_text_when_they_are_text() -> None:
    document = merge([], [Override("--account-number", ("accountNumber",), "012345678901")])
    assert document.plain() == {"accountNumber": "012345678901"}
    assert document.origin(("accountNumber",)) == Origin("--account-number")


def test_a_model_id_is_not_taken_for_a_model_name() -> None:
    found = merged("ecsModels: [{modelName: a, modelId: x}]\n", "ecsModels: [{modelName: b, modelId: a}]\n")
    assert found["ecsModels"] == [{"modelName": "a", "modelId": "x"}, {"modelName": "b", "modelId": "a"}]
