"""The evaluation of IAM policies: what decides, in which order, and what is an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from permissions.evaluation import EvaluationError, Policies, Request, is_allowed

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/one"
OBJECT = "arn:aws:s3:::bucket/folder/key"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    found = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **one} for one in statements]
    return {"Version": "2012-10-17", "Statement": found}


def allowed(
    *identity: dict[str, Any],
    boundary: Sequence[dict[str, Any]] = (),
    resource: Sequence[dict[str, Any]] = (),
    **request: Any,
) -> bool:
    policies = Policies(
        identity=[document(*identity)] if identity else [],
        boundary=document(*boundary) if boundary else None,
        resource=document(*resource) if resource else None,
    )
    defaults = {"principal": ROLE, "action": "s3:GetObject", "on": OBJECT, "account": ACCOUNT}
    return is_allowed(policies, Request(**{**defaults, **request}))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({}, True),
        ({"Action": "s3:getobject"}, True),
        ({"Action": ["s3:Put*", "s3:Get?bject"]}, True),
        ({"Action": "s3:PutObject"}, False),
        ({"NotAction": "s3:PutObject", "Action": None}, True),
        ({"NotAction": "s3:*", "Action": None}, False),
        ({"Resource": OBJECT}, True),
        ({"Resource": "arn:aws:s3:::bucket/*"}, True),
        ({"Resource": "arn:*:s3:::bucket/fold??/key"}, True),
        ({"Resource": "arn:aws:s3:::bucket/Folder/*"}, False),
        ({"Resource": "arn:aws:s3:::bucket"}, False),
        ({"Resource": "arn:aws:*:bucket/folder/key:*:*"}, False),
        ({"NotResource": "arn:aws:s3:::other/*", "Resource": None}, True),
        ({"NotResource": "arn:aws:s3:::bucket/*", "Resource": None}, False),
    ],
)
def test_statement_matches_by_action_and_resource(statement: dict[str, Any], expected: bool) -> None:
    one = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **statement}
    policy = {"Version": "2012-10-17", "Statement": [{key: value for key, value in one.items() if value is not None}]}
    request = Request(principal=ROLE, action="s3:GetObject", on=OBJECT, account=ACCOUNT)
    assert is_allowed(Policies(identity=[policy]), request) == expected


@pytest.mark.parametrize(
    ("operator", "expected", "value", "holds"),
    [
        ("StringEquals", "eu-west-1", "eu-west-1", True),
        ("StringEquals", ["a", "eu-west-1"], "eu-west-1", True),
        ("StringEquals", "eu-*", "eu-west-1", False),
        ("StringEquals", "eu-west-1", None, False),
        ("StringEqualsIfExists", "eu-west-1", None, True),
        ("StringNotEquals", ["a", "eu-west-1"], "eu-west-1", False),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "eu-*", "eu-west-1", True),
        ("StringNotLike", "eu-*", "eu-west-1", False),
        ("Bool", "true", "True", True),
        ("Null", "false", "eu-west-1", True),
        ("Null", "false", None, False),
        ("Null", "true", None, True),
        ("ForAllValues:StringLike", ["eu-*"], "eu-west-1", True),
        ("ForAllValues:StringLike", ["eu-*"], "us-east-1", False),
        ("ForAllValues:StringLike", ["eu-*"], None, True),
        ("ArnLike", "arn:aws:es:*:1:domain/*", "arn:aws:es:eu:1:domain/x", True),
        ("ArnLike", "arn:aws:es:*:1:domain/*", "arn:aws:es:eu:2:domain/x", False),
    ],
)
def test_condition(operator: str, expected: Any, value: str | None, holds: bool) -> None:
    context = {} if value is None else {"aws:RequestedRegion": value}
    assert allowed({"Condition": {operator: {"aws:RequestedRegion": expected}}}, context=context) == holds


def test_all_conditions_of_a_statement_must_hold() -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": "a"}, "Bool": {"aws:SecureTransport": "true"}}
    assert allowed({"Condition": condition}, context={"aws:RequestedRegion": "a", "aws:SecureTransport": "true"})
    assert not allowed({"Condition": condition}, context={"aws:RequestedRegion": "a", "aws:SecureTransport": "false"})


def test_denial_wins_wherever_it_is() -> None:
    denial = {"Effect": "Deny", "Resource": OBJECT}
    everyone = {"Principal": "*"}
    assert not allowed({}, denial)
    assert not allowed({}, boundary=[{}, denial])
    assert not allowed({}, resource=[{**denial, **everyone}])
    assert allowed({}, resource=[{**denial, "Principal": {"AWS": f"{ROLE}-2"}}])
    assert allowed({}, {**denial, "Action": "s3:PutObject"})


def test_boundary_and_identity_must_both_allow() -> None:
    other = {"Action": "s3:PutObject"}
    assert allowed({}, boundary=[{}])
    assert not allowed({}, boundary=[other])
    assert not allowed(other, boundary=[{}])
    assert not allowed(boundary=[{}])


def test_policy_of_a_resource_allows_whom_it_names() -> None:
    assert allowed(resource=[{"Principal": {"AWS": ROLE}}])
    assert allowed(resource=[{"Principal": {"AWS": ["x", ROLE]}}])
    assert not allowed(resource=[{"Principal": {"AWS": f"{ROLE}-2"}}])
    assert not allowed(resource=[{"Principal": {"Service": "lambda.amazonaws.com"}}])
    assert not allowed(resource=[{"Principal": {"AWS": ROLE}}], boundary=[{"Action": "s3:PutObject"}])


@pytest.mark.parametrize("account", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
def test_key_leaves_decisions_to_roles_where_it_names_the_account(account: str) -> None:
    use = {"Action": "kms:Decrypt"}
    request = {"action": "kms:Decrypt", "on": KEY}
    whole = {"Action": "kms:*", "Principal": {"AWS": account}}
    assert allowed(use, resource=[whole], **request)
    assert not allowed(resource=[whole], **request)
    assert not allowed(use, **request)
    assert not allowed(use, resource=[{**whole, "Principal": {"AWS": "999999999999"}}], **request)
    assert allowed(resource=[{**whole, "Principal": {"AWS": ROLE}}], **request)


def test_service_is_allowed_by_the_resource_alone() -> None:
    trust = {"Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    request = {"action": "sts:AssumeRole", "on": ROLE}
    assert allowed(resource=[trust], principal="lambda.amazonaws.com", **request)
    assert not allowed(resource=[trust], principal="ec2.amazonaws.com", **request)
    assert not allowed({"Action": "sts:*"}, resource=[trust], **request)


@pytest.mark.parametrize(
    ("statement", "request_", "message"),
    [
        ({}, {"action": "s3:GetObjects"}, "no action"),
        ({}, {"on": "arn:aws:s3:::bucket"}, "no resource of"),
        ({}, {"on": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/x"}, "no resource of"),
        ({}, {"action": "xray:PutTraceSegments", "on": OBJECT}, "has no resource"),
        ({}, {"context": {"s3:prefix": "x"}}, "no condition key s3:prefix"),
        ({}, {"context": {"aws:Unknown": "x"}}, "no condition key aws:Unknown"),
        ({"Condition": {"StringEqualz": {"aws:RequestedRegion": "x"}}}, {}, "operator StringEqualz"),
        ({"Condition": {"StringEquals": {"aws:Region": "x"}}}, {}, "key aws:Region"),
        ({"Resources": "*"}, {}, "has Resources"),
        ({"Resource": "bucket/*"}, {}, "no ARN"),
        ({"Resource": "arn:aws:s3:::bucket/${aws:username}"}, {}, "policy variable"),
    ],
)
def test_what_is_not_known_is_an_error(statement: dict[str, Any], request_: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        allowed(statement, **request_)


def test_version_of_a_policy_must_be_the_current_one() -> None:
    request = Request(principal=ROLE, action="s3:GetObject", on=OBJECT, account=ACCOUNT)
    with pytest.raises(EvaluationError, match="2008"):
        is_allowed(Policies(identity=[{**document({}), "Version": "2008-10-17"}]), request)
