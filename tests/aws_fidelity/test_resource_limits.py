"""Names and sizes in the compiled templates, within AWS's limits and without collisions."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import TGI, Project, templates

from aws_fidelity.private_authority import authority
from aws_fidelity.resource_limits import IDENTIFYING, faults, parameter_faults, properties, unknown_names
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.plan import Names
from lisa_schema.regions import Region, region, region_names

REPOSITORY = Path(__file__).parents[2]
NAMED_LIKE_LISA = ("rest-api", "models", "api", "chat", "rag", "session", "authorizer", "instance-models")


def known(name: str) -> Region:
    found = region(name)
    assert found is not None
    return found


def model(model_id: str) -> dict[str, Any]:
    return {**dict(TGI), "modelId": model_id}


def database(number: int, length: int) -> dict[str, Any]:
    return {
        "repositoryId": f"{'r' * (length - 4)}-{number:03}",
        "type": "pgvector",
        "rdsConfig": {"username": "postgres"},
    }


def existing_database(number: int) -> dict[str, Any]:
    secret = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{'s' * 60}{number:03}-AbCdEf"
    found = {"username": "postgres", "dbHost": f"{number}.db.example.com", "passwordSecretId": secret}
    return {**database(number, 63), "rdsConfig": found}


def search_endpoint(number: int) -> dict[str, Any]:
    found = {"endpoint": f"{number}.search.example.com"}
    return {"repositoryId": f"{'e' * 59}-{number:03}", "type": "opensearch", "opensearchConfig": found}


def search_domain(number: int) -> dict[str, Any]:
    found = {
        "dataNodes": 2,
        "dataNodeInstanceType": "r7g.large.search",
        "masterNodes": 0,
        "masterNodeInstanceType": "r7g.large.search",
        "volumeSize": 20,
    }
    return {"repositoryId": f"{'d' * 59}-{number:03}", "type": "opensearch", "opensearchConfig": found}


def with_variables(number: int, **variables: str) -> dict[str, Any]:
    found = model(f"m{number:03}")
    return {**found, "containerConfig": {**found["containerConfig"], "environment": variables}}


def external_model(number: int) -> dict[str, Any]:
    return {
        "model_name": f"b{number}",
        "litellm_params": {"model": f"bedrock/us.anthropic.claude-{'x' * 20}-{number}"},
        "lisa_params": {"model_type": "textgen", "streaming": True},
    }


def with_domain_name(model_id: str, name: str) -> dict[str, Any]:
    found = model(model_id)
    certificate = "arn:aws:iam::123456789012:server-certificate/test"
    balancer = {**found["loadBalancerConfig"], "domainName": name, "sslCertIamArn": certificate}
    return {**found, "loadBalancerConfig": balancer}


LONG_NAMES = {"deploymentName": "D" * 64, "appName": "A" * 32, "deploymentStage": "S" * 32}
GRID: dict[str, dict[str, Any]] = {
    "long names": {**LONG_NAMES, "deployRag": True, "ragRepositories": [database(1, 63), database(2, 63)]},
    "long model ids": {**LONG_NAMES, "ecsModels": [model("m" * 255 + end) for end in "12"]},
    "domain names": {**LONG_NAMES, "ecsModels": [with_domain_name("m" * 256, f"{'d' * 63}.example.com")]},
    "model ids of one letter": {
        "deploymentName": "d",
        "appName": "a",
        "deploymentStage": "s",
        "ecsModels": [model("m")],
    },
    "digits first": {"deploymentStage": "1-", "deploymentName": "D--d-", "appName": "A-", "ecsModels": [model("7-b")]},
    "models named like LISA's parts": {"ecsModels": [model(name) for name in NAMED_LIKE_LISA]},
    "long prefix": {"deploymentPrefix": "/" + "p" * 199, "ecsModels": [model("m" * 256)]},
    "deep prefix": {"deploymentPrefix": "/p" * 12},
    "tags": {"tags": [{"Key": f"{'k' * 126}{n:02}", "Value": "v" * 256} for n in range(40)]},
    "many models": {"ecsModels": [model(f"{'m' * 60}{n:03}") for n in range(100)]},
    "repositories": {"deployRag": True, "ragRepositories": [database(n, 20) for n in range(20)]},
    "existing databases": {"deployRag": True, "ragRepositories": [existing_database(n) for n in range(100)]},
    "created databases": {
        **LONG_NAMES,
        "deployRag": True,
        "ragRepositories": [*(database(n, 63) for n in range(30)), *(search_endpoint(n) for n in range(120))],
    },
    "search domains": {**LONG_NAMES, "deployRag": True, "ragRepositories": [search_domain(n) for n in range(30)]},
    "secrets of models": {
        "ecsModels": [
            with_variables(n, HF_TOKEN=f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{'t' * 60}{n:03}-AbCdEf")
            for n in range(200)
        ]
    },
    "long variables": {"ecsModels": [with_variables(0, **{f"V{n}": "v" * 1000 for n in range(47)})]},
    "external models": {"litellmConfig": {"model_list": [external_model(n) for n in range(150)]}},
    "accounts with images": {"accountNumbersEcr": [f"{n:012}" for n in range(300)]},
}


@functools.cache
def example(environment: str) -> dict[str, dict[str, Any]]:
    return templates(compile_environment(REPOSITORY, environment).files)


def check(compiled: dict[str, dict[str, Any]]) -> None:
    for component, template in compiled.items():
        assert unknown_names(template) == [], component
        assert faults(template) == [], component
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::SSM::Parameter":
                assert parameter_faults(resource["Properties"]) == [], component
    names = Counter(
        (name, value)
        for template in compiled.values()
        for _, name, value in properties(template)
        if name in IDENTIFYING and isinstance(value, str) and name != "Route53::RecordSet.Name"
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("environment", ["airgap", "dev", "prod"])
def test_names_and_sizes_of_examples(environment: str) -> None:
    check(example(environment))


@pytest.mark.parametrize("case", GRID)
def test_names_and_sizes_of_grid(case: str, tmp_path: Path) -> None:
    check(templates(Project(tmp_path).write(**GRID[case]).compile().files))


@pytest.mark.parametrize("synthesizer", ["DefaultStackSynthesizer", "LegacyStackSynthesizer"])
def test_longest_user_data_fits(synthesizer: str, tmp_path: Path) -> None:
    """Of an instance with disks to stripe, GPUs, a bundle of authorities and names of maximal length."""
    (tmp_path / "root.pem").write_bytes(authority("root").pem)
    large = {**model("m" * 256), "instanceType": "p4d.24xlarge"}
    changes = {
        "certificateAuthorityBundle": "root.pem",
        "ecsModels": [large],
        "nvmeHostMountPath": "/" + "n" * 60,
        "stackSynthesizer": synthesizer,
    }
    check(templates(Project(tmp_path).write(**LONG_NAMES, **changes).compile().files))


@pytest.mark.parametrize("case", ["long names", "repositories"])
def test_names_and_sizes_in_region_with_longest_name(case: str, tmp_path: Path) -> None:
    """Of those that the configuration of the tests is accepted in: isolated ones require more of it."""
    name = max((one for one in region_names() if known(one).partition.id == "aws"), key=len)
    project = Project(tmp_path).write(**GRID[case])
    file = project.folder / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("us-east-1", name), encoding="utf-8")
    check(templates(project.compile().files))


@pytest.mark.parametrize("name", region_names())
def test_names_with_region_fit_and_differ(name: str) -> None:
    names = Names(
        deployment="D" * 64,
        app="A" * 32,
        stage="S" * 32,
        account="123456789012",
        region=name,
        role_prefix="p" * 40,
        policy_prefix="p" * 64,
        instance_profile_prefix="p" * 64,
        prefix="/p",
    )
    other = dataclasses.replace(names, region="us-east-9")
    for one in (names, other):
        assert all(len(found) <= 64 for found in roles(one))
        assert all(len(found) <= 128 for found in policies(one))
        assert all(len(found) <= 63 for found in buckets(one))
    for kind in (roles, policies, buckets):
        assert len({*kind(names), *kind(other)}) == 2 * len(kind(names))


def roles(names: Names) -> list[str]:
    return [names.role("task-a"), names.role("task-b")]


def policies(names: Names) -> list[str]:
    return [names.instance_profile("a"), names.instance_profile("b"), names.policy("c"), names.policy("d")]


def buckets(names: Names) -> list[str]:
    return [names.bucket("access-logs"), names.bucket("website")]


def test_stack_names_are_different_and_fit(tmp_path: Path) -> None:
    stacks = Project(tmp_path).write(**GRID["long model ids"]).plan().stacks
    names = [stack.name for stack in stacks]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 128 for name in names)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("IAM::Role", "RoleName", "r" * 65),
        ("S3::Bucket", "BucketName", "Bucket"),
        ("RDS::DBInstance", "DBInstanceIdentifier", "a--b"),
        ("Route53::RecordSet", "Name", f"{'l' * 64}.lisa.internal"),
        ("SSM::Parameter", "Name", "/a" * 16),
        ("SecretsManager::Secret", "Name", "database-abcdef"),
        ("Lambda::Function", "Environment", {"Variables": {"A": "v" * 4096}}),
        ("ECS::TaskDefinition", "ContainerDefinitions", [{"Name": "c", "Environment": ["v" * 65_536]}]),
        ("IAM::ManagedPolicy", "PolicyDocument", {"Statement": ["s" * 6144]}),
        ("IAM::Role", "ManagedPolicyArns", ["a"] * 11),
        ("Logs::ResourcePolicy", "PolicyDocument", "p" * 5121),
        ("Route53::HostedZone", "HostedZoneConfig", {"Comment": "c" * 257}),
        ("EC2::SecurityGroup", "SecurityGroupIngress", [{"Description": "d" * 256}]),
        ("EC2::LaunchTemplate", "LaunchTemplateData", {"UserData": {"Fn::Base64": "u" * (16 * 1024 + 1)}}),
        (
            "EC2::LaunchTemplate",
            "LaunchTemplateData",
            {"TagSpecifications": [{"Tags": [{"Key": "Name", "Value": "v" * 257}]}]},
        ),
        (
            "ECS::TaskDefinition",
            "ContainerDefinitions",
            [{"Name": "c" * 255, "LogConfiguration": {"Options": {"awslogs-stream-prefix": "p" * 224}}}],
        ),
        ("IAM::Role", "Policies", [{"PolicyName": "p", "PolicyDocument": {"Statement": ["s" * 10_240]}}]),
    ],
)
def test_faults_are_noticed(kind: str, name: str, value: Any) -> None:
    assert len(faults({"Resources": {"X": {"Type": f"AWS::{kind}", "Properties": {name: value}}}})) == 1


def test_more_resource_policies_of_logs_than_an_account_has_are_noticed() -> None:
    policies = {f"Policy{number}": {"Type": "AWS::Logs::ResourcePolicy", "Properties": {}} for number in range(11)}
    assert len(faults({"Resources": policies})) == 1


def test_templates_without_bucket_need_one(tmp_path: Path) -> None:
    """CloudFormation accepts 51,200 bytes in a request; LISA's larger stacks go through the bootstrap's bucket."""
    compiled = Project(tmp_path).write(**GRID["many models"]).compile()
    assert max(len(content) for path, content in compiled.files.items() if path.endswith(".template.json")) > 51_200
    manifest = json.loads(compiled.files["cloudformation/manifest.json"])
    stacks = [one for one in manifest["artifacts"].values() if one["type"] == "aws:cloudformation:stack"]
    assert all("stackTemplateAssetObjectUrl" in one["properties"] for one in stacks)
