"""What roles may read of the secrets that a configuration refers to, and the IAM names of a landing zone."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, TGI, Project, resources, templates

from lisa_schema.rules.texts import OTHER_VARIABLES_BYTES

ROOT = Path(__file__).parents[5]
CERTIFICATE = (ROOT / "artifacts" / "certificates" / "airgap-authority.pem").read_text(encoding="utf-8")

STEM = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
THEIRS = "arn:aws:secretsmanager:us-east-1:999999999999:secret:shared/key-AbCdEf"
OWN_KEY, THEIR_KEY = (f"arn:aws:kms:us-east-1:{account}:key/01" for account in ("123456789012", "999999999999"))
DIGEST = f"sha256:{'0a' * 32}"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/team/api"


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    rest = copy.deepcopy(dict(MINIMAL["restApiConfig"]))
    rest["containerConfig"] = {
        "image": {"type": "ecr", "repositoryArn": REPOSITORY, "tag": DIGEST},
        "environment": {
            "ONE": f"{STEM}one-AbCdEf:password::",
            "TWO": f"{STEM}two:key:AWSPREVIOUS:",
            "PARAMETER": "arn:aws:ssm:us-east-1:123456789012:parameter/team/three",
        },
    }
    model = copy.deepcopy(dict(TGI))
    model["containerConfig"]["environment"] = {"HF_TOKEN": THEIRS}
    model["containerConfig"]["image"] = {"type": "registry", "registry": f"{REGISTRY}/team/vllm:1"}
    project = Project(tmp_path_factory.mktemp("project"))
    database = {"username": "rag", "dbHost": "db.example.com", "passwordSecretId": "team/vector"}
    project.write(
        restApiConfig=rest,
        ecsModels=[model],
        secretKeyArns=[OWN_KEY, THEIR_KEY],
        deployRag=True,
        ragRepositories=[{"repositoryId": "docs", "type": "pgvector", "rdsConfig": database}],
        permissionsBoundaryAspect={
            "permissionsBoundaryPolicyName": "arn:aws:iam::123456789012:policy/team/Boundary",
            "rolePath": "/team/",
        },
    )
    return templates(project.compile().files)


def secret_statements(template: dict[str, Any], role: str) -> list[tuple[Any, Any, Any]]:
    """What a role may do with secrets, parameters and keys of secretKeyArns: actions, resources and condition."""
    found = next(one for one in resources(template, "AWS::IAM::Role") if role in one["Properties"]["RoleName"])
    statements = [s for policy in found["Properties"]["Policies"] for s in policy["PolicyDocument"]["Statement"]]
    return [
        (one["Action"], one["Resource"], one.get("Condition"))
        for one in statements
        if "secretsmanager" in str(one["Action"])
        or one["Action"] == "ssm:GetParameters"
        or ":key/" in str(one["Resource"])
    ]


def via(*services: str) -> dict[str, Any]:
    return {"StringEquals": {"kms:ViaService": [f"{one}.us-east-1.amazonaws.com" for one in services]}}


def test_gateway_reads_the_secrets_of_its_variables(stacks: dict[str, dict[str, Any]]) -> None:
    assert secret_statements(stacks["serve"], "rest-api-execution") == [
        ("secretsmanager:GetSecretValue", [f"{STEM}one-AbCdEf", f"{STEM}two-??????"], None),
        ("ssm:GetParameters", ["arn:aws:ssm:us-east-1:123456789012:parameter/team/three"], None),
        ("kms:Decrypt", [OWN_KEY], via("secretsmanager", "ssm")),
    ]


def test_models_read_the_secret_of_another_account_with_its_key(stacks: dict[str, dict[str, Any]]) -> None:
    assert secret_statements(stacks["iam"], "execution-models") == [
        ("secretsmanager:GetSecretValue", [THEIRS], None),
        ("kms:Decrypt", [THEIR_KEY], via("secretsmanager")),
    ]


def test_rag_function_reads_the_named_secret_with_its_key(stacks: dict[str, dict[str, Any]]) -> None:
    access = "arn:aws:ssm:us-east-1:123456789012:parameter/dev/test/lisa/repositoryAccess"
    assert secret_statements(stacks["rag"], "rag-function") == [
        ("ssm:GetParameters", access, None),
        ("secretsmanager:GetSecretValue", [f"{STEM}team/vector-??????"], None),
        ("kms:Decrypt", [OWN_KEY], via("secretsmanager")),
    ]


def test_image_of_ecr_under_its_address_can_be_pulled(stacks: dict[str, dict[str, Any]]) -> None:
    roles = [one["Properties"] for one in resources(stacks["iam"], "AWS::IAM::Role")]
    role = next(one for one in roles if "execution-models" in one["RoleName"])
    images = next(one["PolicyDocument"] for one in role["Policies"] if one["PolicyName"] == "images")
    assert "arn:aws:ecr:us-east-1:123456789012:repository/team/vllm" in images["Statement"][1]["Resource"]


def test_ecs_gets_the_references_as_written(stacks: dict[str, dict[str, Any]]) -> None:
    container = resources(stacks["serve"], "AWS::ECS::TaskDefinition")[0]["Properties"]["ContainerDefinitions"][0]
    assert {one["Name"]: one["ValueFrom"] for one in container["Secrets"]} == {
        "ONE": f"{STEM}one-AbCdEf:password::",
        "TWO": f"{STEM}two:key:AWSPREVIOUS:",
        "PARAMETER": "arn:aws:ssm:us-east-1:123456789012:parameter/team/three",
    }
    assert container["Image"] == f"123456789012.dkr.ecr.us-east-1.amazonaws.com/team/api@{DIGEST}"


def test_roles_have_the_boundary_and_the_path(stacks: dict[str, dict[str, Any]]) -> None:
    roles = [one["Properties"] for template in stacks.values() for one in resources(template, "AWS::IAM::Role")]
    assert {one["PermissionsBoundary"] for one in roles} == {"arn:aws:iam::123456789012:policy/team/Boundary"}
    assert {one["Path"] for one in roles} == {"/team/"}
    profiles = [one for template in stacks.values() for one in resources(template, "AWS::IAM::InstanceProfile")]
    assert {one["Properties"]["Path"] for one in profiles} == {"/team/"}
    launch = resources(stacks["model-small"], "AWS::EC2::LaunchTemplate")[0]["Properties"]["LaunchTemplateData"]
    assert launch["IamInstanceProfile"]["Arn"] == (
        "arn:aws:iam::123456789012:instance-profile/team/test-lisa-dev-us-east-1-instance-models"
    )


def test_other_variables_of_the_authorizer_are_as_small_as_the_rule_assumes(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(certificateAuthorityBundle="ca.pem", logLevel="WARNING")
    (tmp_path / "ca.pem").write_text(CERTIFICATE, encoding="utf-8")
    function = resources(templates(project.compile().files)["api-base"], "AWS::Lambda::Function")[0]["Properties"]
    variables = function["Environment"]["Variables"]
    auth = ("ADMIN_GROUP", "AUTHORITY", "CLIENT_ID", "JWT_GROUPS_PROP")
    others = len(json.dumps(variables)) - sum(len(json.dumps(variables[name])) for name in auth)
    assert others < OTHER_VARIABLES_BYTES
