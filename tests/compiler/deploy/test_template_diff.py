"""Differences of two templates."""

from __future__ import annotations

from typing import Any

from lisa_compiler.deploy.template_diff import ChangeType, PropertyChange, compare


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": {name: {"Type": "AWS::X::Y", **rest} for name, rest in resources.items()}}


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[PropertyChange, ...]:
    (found,) = compare(template(A={"Properties": before}), template(A={"Properties": after}))
    assert found.difference is ChangeType.CHANGED
    return found.properties


def test_the_same_is_no_difference() -> None:
    one = template(A={"Properties": {"P": [1, {"Ref": "B"}]}})
    assert compare(one, one) == ()


def test_resources_come_and_go() -> None:
    found = compare(template(A={}, B={}), template(B={}, C={}))
    assert [(each.logical_id, each.difference) for each in found] == [
        ("A", ChangeType.REMOVED),
        ("C", ChangeType.ADDED),
    ]


def test_a_property_is_told_by_its_path() -> None:
    before = {"Containers": [{"Image": "a", "Port": 1}], "Name": "n"}
    assert changes(before, {"Containers": [{"Image": "b", "Port": 1}], "Name": "n"}) == (
        PropertyChange("Containers/0/Image", "a", "b"),
    )


def test_a_property_that_is_absent_on_one_side_is_none() -> None:
    assert changes({"A": 1}, {"B": 2}) == (PropertyChange("A", 1, None), PropertyChange("B", None, 2))


def test_lists_of_other_lengths_and_intrinsic_functions_are_told_whole() -> None:
    assert changes({"L": [1]}, {"L": [1, 2]}) == (PropertyChange("L", [1], [1, 2]),)
    assert changes({"R": {"Ref": "A"}}, {"R": {"Fn::Sub": "x"}}) == (
        PropertyChange("R", {"Ref": "A"}, {"Fn::Sub": "x"}),
    )


def test_attributes_count_like_properties() -> None:
    (found,) = compare(template(A={"DeletionPolicy": "Retain"}), template(A={"DeletionPolicy": "Delete"}))
    assert found.properties == (PropertyChange("DeletionPolicy", "Retain", "Delete"),)
