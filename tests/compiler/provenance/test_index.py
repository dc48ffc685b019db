"""The index: what it answers, and that it is the same after it was stored."""

from __future__ import annotations

import json

import pytest

from lisa_compiler.provenance.index import ATTRIBUTES, Index, Place, touches, widest

NAME, TYPE = ("deploymentName",), ("ecsModels", 0, "instanceType")
LEAST, BUCKET = ("ecsModels", 0, "autoScalingConfig", "minCapacity"), ("s3BucketModels",)
GROUP = Place("model-small", "Group")
INDEX = Index(
    {
        GROUP: {
            "AutoScalingGroupName": (NAME,),
            "MinSize": (LEAST,),
            "Tags[kind].Value": (TYPE, NAME),
            ATTRIBUTES: (LEAST,),
            "": (("ecsModels", 0, "deploy"),),
        },
        Place("iam", "Role"): {"Policies[work].PolicyDocument": (BUCKET, ("ecsModels", 0, "modelName"))},
        Place("", "litellm/config.yaml"): {"": (("litellmConfig",),)},
    },
    unknown=frozenset({Place("iam", "Edited")}),
    stacks={"model-small": ("ecsModels", 0), "iam": (), "chat": ("deployChat",)},
    names={("ecsModels", 0): "small"},
)


def test_index_is_the_same_after_it_was_stored() -> None:
    assert Index.from_data(json.loads(json.dumps(INDEX.as_data()))) == INDEX


def test_another_format_is_rejected() -> None:
    with pytest.raises(ValueError, match="unknown format"):
        Index.from_data({**INDEX.as_data(), "schemaVersion": 0})


def test_keys_of_a_value_are_those_of_what_is_in_it() -> None:
    assert INDEX.keys_of(Place("model-small", "Group", "Tags")) == (TYPE, NAME)
    assert INDEX.keys_of(Place("model-small", "Group", "MinSize")) == (LEAST,)


def test_key_leads_to_its_places_and_block_to_those_of_its_keys() -> None:
    assert {place.path for place in INDEX.places_of(LEAST)} == {"MinSize", ATTRIBUTES}
    assert len(list(INDEX.places_of(("ecsModels", 0)))) == 5
    assert list(INDEX.places_of(("litellmConfig", "model_list"))) == [Place("", "litellm/config.yaml")]


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (Place("model-small", "Group", "MinSize"), LEAST),
        (GROUP, ("ecsModels", 0)),
        (Place("iam", "Role"), ("ecsModels", 0, "modelName")),
        (Place("chat", "Function"), ("deployChat",)),
        (Place("iam", "Key"), ()),
    ],
)
def test_governing_block_is_the_narrowest_that_most_comes_from(place: Place, key: tuple[str | int, ...]) -> None:
    assert INDEX.governing(place) == key


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("model-small", "Group", "Tags"), "ecsModels[small].instanceType"),
        (Place("model-small", "Group", "AutoScalingGroupName"), "deploymentName"),
        (Place("model-small", "Group", "Cooldown"), ""),
        (Place("chat", "Function"), "deployChat"),
    ],
)
def test_explanation_names_what_changes_the_value(place: Place, text: str) -> None:
    assert INDEX.explanation(place) == text


def test_block_stands_for_its_keys() -> None:
    assert widest([LEAST, ("ecsModels", 0), NAME]) == [("ecsModels", 0), NAME]


def test_paths_touch_from_step_to_step() -> None:
    assert touches("Tags[a].Value", "Tags")
    assert touches("Tags", "Tags[a].Value")
    assert not touches("TagsMore", "Tags")
