"""The roles of pipelines allow what the commands call, and nothing that a plan must not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from lisa_compiler.resources import templates_dir
from lisa_compiler.starter.pipelines import Pipeline
from permissions.evaluation import Policies, Request, is_allowed
from permissions.pipeline_template import ACCOUNT, REGION, VALUES, documents, template

CALLS: Mapping[str, Any] = yaml.safe_load((templates_dir() / "pipelines/aws_calls.yaml").read_text(encoding="utf-8"))
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}


def arn(action: str, resource: str) -> str:
    for name, value in VALUES.items():
        resource = resource.replace(f"${{{name}}}", value)
    service = action.partition(":")[0]
    if service == "s3":
        return f"arn:aws:s3:::{resource}"
    service = "iam" if service == "sts" else service
    region = "" if service == "iam" else REGION
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def request(name: str, action: str, on: str) -> tuple[Policies, Request]:
    context = {"iam:PassedToService": "cloudformation.amazonaws.com"} if action == "iam:PassRole" else {}
    asked = Request(
        principal=f"arn:aws:iam::{ACCOUNT}:role/{name}", action=action, on=on, account=ACCOUNT, context=context
    )
    return Policies(identity=(), resource=TRUST if action == "sts:AssumeRole" else None), asked


def allows(system: Pipeline, name: str, action: str, on: str) -> bool:
    role = template(system)["Resources"][f"{name.capitalize()}Role"]
    policies, asked = request(name, action, on)
    return is_allowed(Policies(identity=documents(role), resource=policies.resource), asked)


def calls(kind: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in ("plan", "deploy"):
        for action, resource in kind[name].items():
            yield name, action, arn(action, resource)


SYSTEMS = pytest.mark.parametrize("system", list(Pipeline))


@SYSTEMS
def test_declared_calls_are_allowed(system: Pipeline) -> None:
    assert [call for call in calls(CALLS) if not allows(system, *call)] == []


@SYSTEMS
def test_what_a_role_must_not_do_is_denied(system: Pipeline) -> None:
    assert [call for call in calls(CALLS["never"]) if allows(system, *call)] == []


@SYSTEMS
def test_every_action_of_a_role_is_declared(system: Pipeline) -> None:
    for name in ("plan", "deploy"):
        role = template(system)["Resources"][f"{name.capitalize()}Role"]
        allowed = {
            action
            for document in documents(role)
            for statement in document["Statement"]
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        # The cdk CLI reads events of a change set that fails.
        failures = {"cloudformation:DescribeEvents", "cloudformation:DescribeStackEvents"} if name == "plan" else set()
        assert allowed - set(CALLS[name]) == failures


@pytest.mark.parametrize("action", ["iam:PassRole"])
def test_role_of_change_sets_is_passed_to_cloudformation_alone(action: str) -> None:
    role = template(Pipeline.GITHUB)["Resources"]["PlanRole"]
    on = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}"
    for service, expected in (("cloudformation.amazonaws.com", True), ("lambda.amazonaws.com", False)):
        asked = Request(
            principal=f"arn:aws:iam::{ACCOUNT}:role/plan",
            action=action, on=on, account=ACCOUNT, context={"iam:PassedToService": service},
        )  # fmt: skip
        assert is_allowed(Policies(identity=documents(role)), asked) is expected


def test_trust_is_bound_to_repository_and_environment() -> None:
    resources = template(Pipeline.GITHUB)["Resources"]
    for name, environment in (("Plan", "dev-plan"), ("Deploy", "dev")):
        (statement,) = resources[f"{name}Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": f"repo:owner/name:environment:{environment}",
            }
        }
    (statement,) = template(Pipeline.GITLAB)["Resources"]["DeployRole"]["Properties"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert (
        statement["Condition"]["StringEquals"]["gitlab.com:sub"] == "project_path:owner/name:ref_type:branch:ref:main"
    )


@SYSTEMS
def test_boundary_is_set_where_it_is_asked_for(system: Pipeline) -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/b"
    made = template(system, PermissionsBoundary=boundary)["Resources"]
    roles = [each["Properties"] for each in made.values() if each["Type"] == "AWS::IAM::Role"]
    assert len(roles) >= 2
    assert {role["PermissionsBoundary"] for role in roles} == {boundary}
    plain = template(system)["Resources"]
    assert all("PermissionsBoundary" not in each["Properties"] for each in plain.values())
