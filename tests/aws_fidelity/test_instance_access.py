"""What instances, containers and functions reach: the metadata service, the deployment's key, the database's engine."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import resources, templates

from lisa_compiler.compile.pipeline import compile_environment

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("airgap", "dev", "prod")
HOPS = {"host": 1, "bridge": 2}
"""Hops from the metadata service's answer to a process: Docker's bridge forwards it once more."""
AUTO_SCALING = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
LAUNCH = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom")


@pytest.fixture(params=ENVIRONMENTS)
def stacks(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return templates(compile_environment(ROOT, request.param).files)


def test_containers_do_not_reach_the_metadata_service(stacks: dict[str, dict[str, Any]]) -> None:
    """The agent, on the host's network, does; the instance's role would let a model join and leave clusters."""
    found = [
        (launch["Properties"]["LaunchTemplateData"]["MetadataOptions"], task["Properties"]["NetworkMode"])
        for template in stacks.values()
        for launch in resources(template, "AWS::EC2::LaunchTemplate")
        for task in resources(template, "AWS::ECS::TaskDefinition")
    ]
    assert found
    for options, network_mode in found:
        assert (options["HttpEndpoint"], options["HttpTokens"]) == ("enabled", "required")
        assert HOPS["host"] <= options["HttpPutResponseHopLimit"] < HOPS[network_mode]


def key_allows(key: dict[str, Any], action: str, *, principal: str, account: str, for_resource: bool) -> bool:
    """Whether the key policy by itself, without a policy of the caller, allows an action (IAM's evaluation)."""
    context = {
        "aws:PrincipalArn": principal,
        "kms:CallerAccount": account,
        "kms:GrantIsForAWSResource": str(for_resource).lower(),
    }
    return any(
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"AWS": "*"}
        and any(fnmatchcase(action, pattern) for pattern in as_list(statement["Action"]))
        and all(
            context.get(name) in as_list(expected)
            for keys in statement["Condition"].values()
            for name, expected in keys.items()
        )
        for statement in key["KeyPolicy"]["Statement"]
    )


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_auto_scaling_may_launch_with_encrypted_volumes(stacks: dict[str, dict[str, Any]]) -> None:
    [key] = [each["Properties"] for each in resources(stacks["iam"], "AWS::KMS::Key")]
    account = key["KeyPolicy"]["Statement"][0]["Principal"]["AWS"]
    prefix = json.dumps(stacks["iam"]).partition('"arn:aws')[2].partition(":")[0]
    role = f"arn:aws{prefix}:iam::{account}:{AUTO_SCALING}"

    def allowed(action: str, *, principal: str = role, caller: str = account, for_resource: bool = True) -> bool:
        return key_allows(key, action, principal=principal, account=caller, for_resource=for_resource)

    assert all(allowed(action) for action in (*LAUNCH, "kms:CreateGrant"))
    assert not allowed("kms:CreateGrant", for_resource=False)
    assert not allowed("kms:ScheduleKeyDeletion")
    assert not any(allowed(action, principal=f"arn:aws{prefix}:iam::{account}:role/other") for action in LAUNCH)
    assert not any(allowed(action, caller="999999999999") for action in LAUNCH)


def test_volumes_are_encrypted_with_the_key_of_the_deployment(stacks: dict[str, dict[str, Any]]) -> None:
    volumes = [
        (template["Parameters"], mapping["Ebs"])
        for template in stacks.values()
        for launch in resources(template, "AWS::EC2::LaunchTemplate")
        for mapping in launch["Properties"]["LaunchTemplateData"]["BlockDeviceMappings"]
    ]
    assert volumes
    for parameters, volume in volumes:
        assert volume["Encrypted"] is True
        assert parameters[volume["KmsKeyId"]["Ref"]]["Default"].endswith("/keys/data")


def role_of(function: dict[str, Any], template: dict[str, Any]) -> dict[str, Any]:
    """Properties of a function's role, which is in its stack."""
    properties: dict[str, Any] = template["Resources"][function["Role"]["Fn::GetAtt"][0]]["Properties"]
    return properties


def test_functions_may_decrypt_their_variables(stacks: dict[str, dict[str, Any]]) -> None:
    """Lambda decrypts with the function's role; it creates a grant only where the one who deploys may create grants."""
    found = 0
    for template in stacks.values():
        for function in (each["Properties"] for each in resources(template, "AWS::Lambda::Function")):
            if "KmsKeyArn" not in function:
                assert "Environment" not in function
                continue
            found += 1
            statements = [
                statement
                for policy in role_of(function, template)["Policies"]
                for statement in policy["PolicyDocument"]["Statement"]
                if "kms:Decrypt" in as_list(statement["Action"])
            ]
            services = [name for each in statements for name in each["Condition"]["StringEquals"]["kms:ViaService"]]
            assert any(name.startswith("lambda.") for name in services), function["FunctionName"]
    assert found >= 4


def test_database_engine_is_a_major_version() -> None:
    """A minor one may not be offered in a Region yet, or any more."""
    from aws_cdk import aws_rds

    found = [
        database["Properties"]["EngineVersion"]
        for environment in ENVIRONMENTS
        for template in templates(compile_environment(ROOT, environment).files).values()
        for database in resources(template, "AWS::RDS::DBInstance")
    ]
    assert found
    assert set(found) == {aws_rds.PostgresEngineVersion.VER_16.postgres_full_version}
