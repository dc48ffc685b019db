"""Roles with more permissions than fit inline."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, Project, templates

from lisa_compiler.emit.cloudformation.constructs.policies import allow, document
from lisa_compiler.emit.cloudformation.constructs.role_policies import RolePolicyError, divide

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
LOGS = document(allow(["logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs:us-east-1:123456789012:*"))


def secrets(count: int, length: int = 60) -> list[str]:
    return [f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{'s' * length}{n:04}-AbCdEf" for n in range(count)]


def reading(arns: list[str]) -> dict[str, Any]:
    return document(
        allow("secretsmanager:GetSecretValue", arns),
        allow("kms:Decrypt", KEY, when={"StringEquals": {"kms:ViaService": "secretsmanager"}}),
    )


def granted(documents: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Each action on each resource under its condition."""

    def listed(value: Any) -> list[str]:
        return value if isinstance(value, list) else [value]

    return sorted(
        (action, resource, json.dumps(statement.get("Condition")))
        for one in documents
        for statement in one["Statement"]
        for action, resource in itertools.product(listed(statement["Action"]), listed(statement["Resource"]))
    )


def characters(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def test_policies_that_fit_are_inline() -> None:
    policies = {"logs": LOGS, "secrets": reading(secrets(50))}
    assert divide(policies, purpose="x") == (policies, [])


@pytest.mark.parametrize("count", [80, 90, 200, 400])
def test_divided_policies_grant_the_same_within_limits(count: int) -> None:
    policies = {"logs": LOGS, "secrets": reading(secrets(count))}
    inline, managed = divide(policies, purpose="x")
    assert granted([*inline.values(), *managed]) == granted(policies.values())
    assert sum(map(characters, inline.values())) <= 10_240
    assert managed
    assert max(map(characters, managed)) <= 6_144
    assert inline["logs"] == LOGS


def test_several_long_policies_are_divided() -> None:
    policies = {name: reading(secrets(100, length)) for name, length in (("a", 60), ("b", 61))}
    inline, managed = divide(policies, purpose="x")
    assert granted([*inline.values(), *managed]) == granted(policies.values())
    assert sum(map(characters, inline.values())) <= 10_240
    assert max(map(characters, managed)) <= 6_144


def test_as_much_as_possible_stays_inline() -> None:
    inline, managed = divide({"secrets": reading(secrets(200))}, purpose="x")
    assert characters(inline["secrets"]) > 9_800
    assert [characters(one) > 5_800 for one in managed[:-1]] == [True] * (len(managed) - 1)


def test_more_than_a_role_can_have_is_an_error() -> None:
    policies = {"secrets": reading(secrets(600))}
    with pytest.raises(RolePolicyError, match=r"The role execution-models needs 1\d managed policies, and IAM allows"):
        divide(policies, purpose="execution-models")
    accepted = {"secrets": reading(secrets(480))}
    _, managed = divide(accepted, purpose="execution-models")
    assert len(managed) <= 10
    with pytest.raises(RolePolicyError):
        divide(accepted, purpose="execution-models", attached=10 - len(managed) + 1)


def test_role_has_its_managed_policies_under_the_configured_prefix(tmp_path: Path) -> None:
    environment = {f"KEY_{number}": arn for number, arn in enumerate(secrets(150))}
    rest_api = {**MINIMAL["restApiConfig"]}
    rest_api["containerConfig"] = {**rest_api["containerConfig"], "environment": environment}
    boundary = {"permissionsBoundaryPolicyName": "boundary", "policyPrefix": "team-"}
    project = Project(tmp_path).write(restApiConfig=rest_api, permissionsBoundaryAspect=boundary)
    serve = templates(project.compile().files)["serve"]["Resources"]
    policies = {name: one["Properties"] for name, one in serve.items() if one["Type"] == "AWS::IAM::ManagedPolicy"}
    role = serve["RestApiExecutionRole"]["Properties"]
    assert role["ManagedPolicyArns"] == [{"Ref": name} for name in policies]
    names = [one["ManagedPolicyName"] for one in policies.values()]
    assert names == [f"team-test-lisa-dev-us-east-1-rest-api-execution-{number + 1}" for number in range(len(names))]
    statements = [
        statement
        for one in [*role["Policies"], *policies.values()]
        for statement in one["PolicyDocument"]["Statement"]
        if statement["Action"] == "secretsmanager:GetSecretValue"
    ]
    assert len(statements) == 1 + len(policies)
    assert [arn for one in statements for arn in one["Resource"]] == sorted(environment.values())


def test_many_external_models_fit_into_the_policies_of_a_role(tmp_path: Path) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/"
    models = [f"bedrock/anthropic.claude-{number}-with-a-long-name-v1:0" for number in range(120)]
    models += [f"bedrock/{arn}profile{number:08}" for number in range(60)]
    entries = [
        {
            "model_name": f"model-{number}",
            "litellm_params": {"model": model},
            "lisa_params": {"model_type": "textgen", "streaming": True},
        }
        for number, model in enumerate(models)
    ]
    project = Project(tmp_path).write(litellmConfig={"model_list": entries})
    serve = templates(project.compile().files)["serve"]["Resources"]
    role = serve["RestApiTaskRole"]["Properties"]
    managed = [
        serve[reference["Ref"]]["Properties"]["PolicyDocument"] for reference in role.get("ManagedPolicyArns", [])
    ]
    inline = [policy["PolicyDocument"] for policy in role["Policies"]]
    assert sum(map(characters, inline)) <= 10_240
    assert managed
    assert max(map(characters, managed)) <= 6_144
    allowed = {resource for action, resource, _ in granted([*inline, *managed]) if action == "bedrock:InvokeModel"}
    named = [model.removeprefix("bedrock/") for model in models]
    assert all(any(name in resource for resource in allowed) for name in named)
    assert json.dumps([*inline, *managed]).count("bedrock:InferenceProfileArn") == 2
