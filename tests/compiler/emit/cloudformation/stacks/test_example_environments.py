"""What must hold in every template of every example environment."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import resources, templates

from lisa_compiler.compile.pipeline import compile_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lisa_compiler.compile.pipeline import Compiled


REPOSITORY = Path(__file__).parents[5]
ENVIRONMENTS = ("airgap", "dev", "prod")
STATEFUL = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
}


@cache
def example(environment: str) -> Compiled:
    return compile_environment(REPOSITORY, environment)


def example_templates(environment: str) -> dict[str, dict[str, Any]]:
    return templates(example(environment).files)


def every(environment: str, kind: str) -> list[dict[str, Any]]:
    return [found for template in example_templates(environment).values() for found in resources(template, kind)]


def statements(environment: str) -> Iterator[dict[str, Any]]:
    for role in every(environment, "AWS::IAM::Role"):
        for policy in role["Properties"].get("Policies", []):
            yield from policy["PolicyDocument"]["Statement"]


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


PROTECTED = {"AWS::DynamoDB::Table", "AWS::RDS::DBInstance"}
NEEDED_BY_PROTECTED = {"AWS::SecretsManager::Secret"}


def test_stateful_resources_follow_the_removal_policy(environment: str) -> None:
    retains = example(environment).config.removal_policy == "retain"
    # What no rollback can delete would make it fail; isolated Regions are not known to have the newer policy.
    newer = "Retain" if environment == "airgap" else "RetainExceptOnCreate"
    for kind in STATEFUL:
        kept = "Retain" if kind in PROTECTED | NEEDED_BY_PROTECTED else newer
        expected = (kept, "Retain") if retains else ("Delete", "Delete")
        for resource in every(environment, kind):
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == expected, resource


def test_what_retained_resources_refer_to_is_retained_as_long_as_they_are(environment: str) -> None:
    """A database without its subnet group, or a key that went before its table, would be of no use."""
    strength = {"Delete": 0, "RetainExceptOnCreate": 1, "Retain": 2}
    for component, template in example_templates(environment).items():
        policies = {name: entry.get("DeletionPolicy", "Delete") for name, entry in template["Resources"].items()}
        for name, entry in template["Resources"].items():
            needed = set(references(entry.get("Properties", {}))) & policies.keys()
            weaker = {other for other in needed if strength[policies[other]] < strength[policies[name]]}
            assert not weaker, (component, name, weaker)


def references(value: Any) -> Iterator[str]:
    """The logical ids that a value names."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0]
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", each if isinstance(each, str) else each[0])
            else:
                yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_networks_outlive_the_databases_in_them(environment: str) -> None:
    retains = example(environment).config.removal_policy == "retain"
    template = example_templates(environment)["networking"]
    kept = {name for name, entry in template["Resources"].items() if entry.get("DeletionPolicy", "Delete") != "Delete"}
    needed = {name for name in template["Resources"] if re.fullmatch(r"Vpc|(Private|Isolated)Subnet\d+", name)}
    assert ({*needed, "FunctionsSecurityGroup"} <= kept) is retains
    assert "PublicSubnet1" not in kept


def test_load_balancers_can_be_deleted_by_a_rollback(environment: str) -> None:
    for balancer in every(environment, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        attributes = {each["Key"]: each["Value"] for each in balancer["Properties"]["LoadBalancerAttributes"]}
        assert attributes["deletion_protection.enabled"] == "false"


def test_stacks_that_retain_data_cannot_be_deleted_by_mistake(environment: str) -> None:
    manifest = json.loads(example(environment).files["cloudformation/manifest.json"])
    stacks = [each for each in manifest["artifacts"].values() if each["type"] == "aws:cloudformation:stack"]
    retains = example(environment).config.removal_policy == "retain"
    assert {each["properties"].get("terminationProtection", False) for each in stacks} == {retains}


def test_retained_data_cannot_be_deleted_by_mistake(environment: str) -> None:
    retains = example(environment).config.removal_policy == "retain"
    for table in every(environment, "AWS::DynamoDB::Table"):
        assert table["Properties"]["DeletionProtectionEnabled"] is retains
    for database in every(environment, "AWS::RDS::DBInstance"):
        assert database["Properties"]["DeletionProtection"] is retains


def test_buckets_are_emptied_only_when_data_may_go(environment: str) -> None:
    emptiers = every(environment, "AWS::CloudFormation::CustomResource")
    emptied = [
        each for each in emptiers if "BucketName" in each["Properties"] and "SourceKey" not in each["Properties"]
    ]
    assert bool(emptied) is (example(environment).config.removal_policy == "destroy")


def test_data_are_encrypted(environment: str) -> None:
    for bucket in every(environment, "AWS::S3::Bucket"):
        assert bucket["Properties"]["BucketEncryption"]
        assert bucket["Properties"]["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] is True
    for table in every(environment, "AWS::DynamoDB::Table"):
        assert table["Properties"]["SSESpecification"]["SSEEnabled"] is True
    for database in every(environment, "AWS::RDS::DBInstance"):
        assert database["Properties"]["StorageEncrypted"] is True
        assert database["Properties"]["PubliclyAccessible"] is False
    for domain in every(environment, "AWS::OpenSearchService::Domain"):
        assert domain["Properties"]["EncryptionAtRestOptions"]["Enabled"] is True
        assert domain["Properties"]["NodeToNodeEncryptionOptions"]["Enabled"] is True
        assert domain["Properties"]["DomainEndpointOptions"]["EnforceHTTPS"] is True


def test_every_bucket_refuses_plain_text(environment: str) -> None:
    policies = every(environment, "AWS::S3::BucketPolicy")
    assert len(policies) == len(every(environment, "AWS::S3::Bucket"))
    for policy in policies:
        assert policy["Properties"]["PolicyDocument"]["Statement"][0]["Condition"] == {
            "Bool": {"aws:SecureTransport": "false"}
        }


def test_log_groups_have_a_retention(environment: str) -> None:
    groups = every(environment, "AWS::Logs::LogGroup")
    assert groups
    assert all(group["Properties"]["RetentionInDays"] >= 365 for group in groups)


def test_instances_take_version_two_of_the_metadata_service_alone(environment: str) -> None:
    launch_templates = every(environment, "AWS::EC2::LaunchTemplate")
    assert len(launch_templates) == 1 + len(example(environment).deployment.models)
    for template in launch_templates:
        options = template["Properties"]["LaunchTemplateData"]["MetadataOptions"]
        assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 1)


def test_roles_are_bounded_and_named_as_the_configuration_says(environment: str) -> None:
    boundary = example(environment).config.permissions_boundary_aspect
    roles = every(environment, "AWS::IAM::Role")
    names = [role["Properties"]["RoleName"] for role in roles]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 64 for name in names)
    for role in roles:
        if boundary is None:
            assert "PermissionsBoundary" not in role["Properties"]
        else:
            assert role["Properties"]["PermissionsBoundary"].endswith(
                f":policy/{boundary.permissions_boundary_policy_name}"
            )
            assert role["Properties"]["RoleName"].startswith(boundary.role_prefix)


# Actions that take no resource, by the Service Authorization Reference.
WITHOUT_RESOURCE = {
    "autoscaling:DescribeAutoScalingGroups",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "ecr:GetAuthorizationToken",
    "ecs:DiscoverPollEndpoint",
    "ecs:ListServices",
    "elasticloadbalancing:DescribeTargetHealth",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


def test_no_permission_on_everything_where_a_resource_can_be_named(environment: str) -> None:
    for statement in statements(environment):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any(action.endswith("*") for action in actions), statement
        if statement["Resource"] == "*":
            assert set(actions) <= WITHOUT_RESOURCE, statement


def test_no_role_can_write_weights(environment: str) -> None:
    bucket = f":s3:::{example(environment).config.s3_bucket_models}"
    for statement in statements(environment):
        if bucket in json.dumps(statement["Resource"]):
            assert statement["Action"] in ("s3:GetObject", "s3:ListBucket")


def test_stacks_export_nothing(environment: str) -> None:
    for template in example_templates(environment).values():
        assert not any("Export" in output for output in template.get("Outputs", {}).values())
        assert "Fn::ImportValue" not in json.dumps(template)


def test_templates_hold_no_trace_of_the_machine(environment: str) -> None:
    for path, content in example(environment).files.items():
        assert str(REPOSITORY).encode() not in content, path
        assert b"aws:cdk:path" not in content, path
    assert not any(path.endswith((".metadata.json", "tree.json", "cdk.out")) for path in example(environment).files)


def test_stacks_are_within_the_limits_of_cloudformation(environment: str) -> None:
    for path, content in example(environment).files.items():
        if path.endswith(".template.json"):
            assert len(content) < 1_000_000, path
            assert len(json.loads(content)["Resources"]) < 500, path


def test_isolated_partition_is_written_everywhere() -> None:
    # Principals of services are <service>.amazonaws.com in every partition; that is what may stay.
    for component, template in example_templates("airgap").items():
        text = json.dumps(template)
        assert "arn:aws:" not in text, component
        hosts = set(re.findall(r"[a-z0-9.*${}:-]*amazonaws\.com", text))
        principals = set(re.findall(r'"Principal": "([a-z0-9-]+\.amazonaws\.com)"', text)) | set(
            re.findall(r'"Service": "([a-z0-9.-]+\.amazonaws\.com)"', text)
        )
        principals |= {"autoscaling.amazonaws.com", "opensearchservice.amazonaws.com"}
        assert hosts <= principals, (component, hosts - principals)


def test_isolated_partition_does_without_what_it_lacks() -> None:
    for cluster in every("airgap", "AWS::ECS::Cluster"):
        assert "ClusterSettings" not in cluster["Properties"]
    for service in every("airgap", "AWS::ECS::Service"):
        assert "DeploymentCircuitBreaker" not in service["Properties"]["DeploymentConfiguration"]
    services = [endpoint["Properties"]["ServiceName"] for endpoint in every("airgap", "AWS::EC2::VPCEndpoint")]
    assert services == ["com.amazonaws.us-iso-east-1.s3"]
    artifacts = json.loads(example("airgap").files["cloudformation/manifest.json"])["artifacts"].values()
    assert not any("tags" in artifact["properties"] for artifact in artifacts)


def test_gpu_container_gets_every_gpu() -> None:
    task = resources(example_templates("prod")["model-llama70b"], "AWS::ECS::TaskDefinition")[0]
    container = task["Properties"]["ContainerDefinitions"][0]
    assert container["ResourceRequirements"] == [{"Type": "GPU", "Value": "8"}]
    assert container["LinuxParameters"]["SharedMemorySize"] == 65536
    assert container["MemoryReservation"] == 1152 * 1024 * 9 // 10


def test_bedrock_permission_is_there_exactly_for_bedrock_models() -> None:
    def bedrock(environment: str) -> list[Any]:
        return [s["Resource"] for s in statements(environment) if "bedrock:InvokeModel" in s["Action"]]

    assert bedrock("prod") == [["arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1"]]
    assert bedrock("dev") == []
