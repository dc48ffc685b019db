"""Impacts that a review reports: data, names, protection and manual steps; access is in test_access.py."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_compiler.review.change import compare
from lisa_compiler.review.impact import ImpactCategory

from .conftest import ENVIRONMENT
from .outputs import output, resource
from .template_changes import one, told


@pytest.mark.parametrize("policy", ["Delete", None])
def test_a_table_that_goes_takes_its_items_with_it(policy: str | None) -> None:
    table = resource("DynamoDB::Table", TableName="acme-sessions", **({"DeletionPolicy": policy} if policy else {}))
    found = told(
        output({"chat": {"Table": table, "Other": resource("IAM::Role")}}),
        output({"chat": {"Other": resource("IAM::Role")}}),
    )
    assert found == {
        ImpactCategory.DATA_LOSS: "The DynamoDB table `acme-sessions` is deleted. Lost: every chat session."
    }


def test_a_table_that_is_retained_is_left_behind() -> None:
    table = resource("DynamoDB::Table", TableName="acme-sessions", DeletionPolicy="Retain")
    found = told(
        output({"chat": {"Table": table, "Other": resource("IAM::Role")}}),
        output({"chat": {"Other": resource("IAM::Role")}}),
    )
    assert set(found) == {ImpactCategory.ORPHANED}
    assert "`acme-sessions`" in found[ImpactCategory.ORPHANED]


def test_a_replaced_bucket_loses_its_objects_unless_the_old_one_is_kept() -> None:
    lost = told(*(one("S3::Bucket", BucketName=name, UpdateReplacePolicy="Delete") for name in "ab"))
    kept = told(*(one("S3::Bucket", BucketName=name, UpdateReplacePolicy="Retain") for name in "ab"))
    assert "is replaced by an empty one. Lost: the access logs" in lost[ImpactCategory.DATA_LOSS]
    assert ImpactCategory.DATA_LOSS not in kept
    assert ImpactCategory.ORPHANED in kept


def test_a_policy_that_no_longer_keeps_data_is_told_before_it_loses_any() -> None:
    sides = [one("DynamoDB::Table", TableName="a", DeletionPolicy=policy) for policy in ("Retain", "Delete")]
    assert "Now deleted" in told(*sides)[ImpactCategory.DATA_LOSS]
    assert "Now retained" in told(*reversed(sides))[ImpactCategory.REDUCED_RISK]


def test_a_replacement_under_the_same_name_needs_a_hand() -> None:
    sides = [one("RDS::DBInstance", DBInstanceIdentifier="a", StorageEncrypted=value) for value in (False, True)]
    assert "CloudFormation cannot replace the PostgreSQL database `a`" in told(*sides)[ImpactCategory.MANUAL_STEPS]


def test_a_name_that_goes_to_another_resource_needs_a_hand() -> None:
    table = resource("DynamoDB::Table", TableName="a")
    before, after = (output({"core": {logical_id: table}}) for logical_id in ("Old", "New"))
    assert "1 name is in use" in told(before, after)[ImpactCategory.MANUAL_STEPS]


def test_a_part_that_others_notice_is_told_when_it_comes_and_when_it_goes() -> None:
    role = {"Role": resource("IAM::Role")}
    less, more = output({"core": role}), output({"core": {**role, "Vpc": resource("EC2::VPC")}})
    assert told(less, more) == {ImpactCategory.ADDED: "**core** adds VPC `Vpc`."}
    assert told(more, less) == {ImpactCategory.REMOVED: "**core** removes VPC `Vpc`."}


@pytest.mark.parametrize(
    ("kind", "protection"),
    [
        (
            "ElasticLoadBalancingV2::LoadBalancer",
            {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]},
        ),
        ("DynamoDB::Table", {"DeletionProtectionEnabled": True}),
        ("RDS::DBInstance", {"DeletionProtection": True}),
    ],
)
def test_what_is_protected_from_deletion_needs_a_hand(kind: str, protection: dict[str, Any]) -> None:
    role = {"Role": resource("IAM::Role")}
    free = told(output({"core": {**role, "Thing": resource(kind)}}), output({"core": role}))
    bound = told(output({"core": {**role, "Thing": resource(kind, **protection)}}), output({"core": role}))
    kept = resource(kind, DeletionPolicy="Retain", **protection)
    assert ImpactCategory.MANUAL_STEPS not in free
    assert "has deletion protection" in bound[ImpactCategory.MANUAL_STEPS]
    assert ImpactCategory.MANUAL_STEPS not in told(output({"core": {**role, "Thing": kept}}), output({"core": role}))


def test_another_region_is_one_finding_and_not_a_list_of_resources() -> None:
    table = {
        "core": {"Table": resource("DynamoDB::Table", TableName="a"), "Bucket": resource("S3::Bucket", BucketName="b")}
    }
    change = compare(ENVIRONMENT, output(table), output(table, region="us-west-2"))
    assert [impact.category for impact in change.impacts] == [
        ImpactCategory.NEW_DEPLOYMENT,
        ImpactCategory.MANUAL_STEPS,
        ImpactCategory.ORPHANED,
    ]
    assert change.resources == ()
    assert "bucket `b`" in change.impacts[1].text
    assert "table `a`" not in change.impacts[1].text


def test_a_new_environment_adds_all_of_it() -> None:
    change = compare(ENVIRONMENT, None, one("S3::Bucket", BucketName="b"))
    assert [impact.category for impact in change.impacts] == [ImpactCategory.ADDED]
    assert [stack.component for stack in change.added] == ["core"]


def test_an_environment_that_is_gone_leaves_all_of_it_behind() -> None:
    change = compare(ENVIRONMENT, one("S3::Bucket", BucketName="b"), None)
    assert [(impact.category, impact.items) for impact in change.impacts] == [
        (ImpactCategory.ORPHANED, ("bucket `b`",))
    ]


def test_a_removed_stack_is_told_to_run_on() -> None:
    before = output({"core": {"Role": resource("IAM::Role")}, "chat": {"Role": resource("IAM::Role")}})
    found = told(before, output({"core": {"Role": resource("IAM::Role")}}))
    assert "destroys its stack `acme-chat`" in found[ImpactCategory.REMOVED]
