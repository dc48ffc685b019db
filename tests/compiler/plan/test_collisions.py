"""Environments of a project that would create the same names."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compiler.conftest import configuration

from lisa_compiler.compile.compilation import CompileOptions, compile_project
from lisa_compiler.plan.collisions import find_collisions
from lisa_compiler.project.project import Project, Selection
from lisa_schema.diagnostics import Diagnostic
from lisa_schema.errors import ConfigurationError

VPC = {
    "vpcId": "vpc-0123456789abcdef0",
    "availabilityZones": ["us-east-1a", "us-east-1b"],
    "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "publicSubnetIds": ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"],
    "cidrBlock": "10.1.0.0/16",
}
CERTIFICATE = "arn:aws:acm:us-east-1:{}:certificate/0123"
RAG = {
    "deployRag": True,
    "ragRepositories": [{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "lisa"}}],
}
Write = Callable[..., Project]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write two environments, each the small configuration with changes."""

    def make(one: dict[str, Any], two: dict[str, Any]) -> Project:
        content = {"env": "one", "one": configuration(**one), "two": configuration(**two)}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return Project(tmp_path)

    return make


def collisions(project: Project) -> list[Diagnostic]:
    return find_collisions(project.valid_environments(["one", "two"]))


def balancer(**changes: Any) -> dict[str, Any]:
    rest = copy.deepcopy(configuration()["restApiConfig"])
    rest["loadBalancerConfig"] |= changes
    return {"restApiConfig": rest}


def elsewhere(number: str = "210987654321") -> dict[str, Any]:
    """Another account, whose certificate and names are its own."""
    arn = f"arn:aws:iam::{number}:server-certificate/test"
    return {"accountNumber": number, **balancer(sslCertIamArn=arn)}


@pytest.mark.parametrize(
    ("one", "two", "key", "named"),
    [
        ({}, {}, "deploymentName", "ECS cluster `test-lisa-dev-rest-api`"),
        # The names are joined by hyphens.
        (
            {"deploymentName": "a-b", "appName": "c"},
            {"deploymentName": "a", "appName": "b-c"},
            "deploymentName",
            "ECS cluster `a-b-c-dev-rest-api`",
        ),
        # The table of API tokens has the deployment's name alone, as in LISA 2.x.
        ({}, {"deploymentStage": "prod"}, "deploymentName", "DynamoDB table `test-LISAApiTokenTable`"),
        # Names of buckets are unique in all Regions.
        (RAG, {**RAG, "region": "us-west-2", "appName": "other"}, "deploymentName", "bucket `test-dev-lisaragdocs-"),
        (
            {"deploymentPrefix": "/shared"},
            {"deploymentName": "other", "deploymentPrefix": "/shared"},
            "deploymentPrefix",
            "parameters `/shared`",
        ),
        (
            balancer(domainName="lisa.example.com", hostedZoneId="Z0123"),
            {"deploymentName": "other", **balancer(domainName="lisa.example.com", hostedZoneId="Z0123")},
            "restApiConfig.loadBalancerConfig.domainName",
            "record `lisa.example.com`",
        ),
        (
            {"apiGatewayConfig": {"domainName": "x.example.com", "certificateArn": CERTIFICATE.format("123456789012")}},
            {
                **elsewhere(),
                "apiGatewayConfig": {
                    "domainName": "x.example.com",
                    "certificateArn": CERTIFICATE.format("210987654321"),
                },
            },
            "apiGatewayConfig.domainName",
            "custom domain name `x.example.com`",
        ),
    ],
)
def test_same_names_are_an_error_with_both_places(
    write: Write, one: dict[str, Any], two: dict[str, Any], key: str, named: str
) -> None:
    project = write(one, two)
    (found,) = collisions(project)
    first, second = project.valid_environments(["one", "two"])
    path = key.split(".")
    assert (found.code, found.is_error, found.key_path) == ("LISA426", True, key)
    assert named in found.message
    assert str(first.document.origin(path)) in found.message
    assert found.origin == second.document.origin(path)
    assert key in found.fix


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({}, {"deploymentName": "other"}),
        ({}, elsewhere()),
        ({}, {"region": "us-west-2"}),
        (
            balancer(domainName="lisa.example.com", hostedZoneId="Z0123"),
            {"deploymentName": "other", **balancer(domainName="lisa.example.com", hostedZoneId="Z0124")},
        ),
        ({"vpcId": VPC["vpcId"], "vpc": VPC}, {"deploymentName": "other", "vpcId": VPC["vpcId"], "vpc": VPC}),
    ],
)
def test_names_of_other_deployments_are_none(write: Write, one: dict[str, Any], two: dict[str, Any]) -> None:
    assert collisions(write(one, two)) == []


def test_fix_ends_the_collision(write: Write) -> None:
    (found,) = collisions(write({}, {}))
    assert found.fix == "In one of the environments, change `deploymentName`."
    assert collisions(write({}, {"deploymentName": "changed"})) == []


@pytest.mark.parametrize("selection", [Selection(all=True), Selection(names=("two",))])
def test_compile_is_refused(write: Write, selection: Selection) -> None:
    """With all environments, and with one of them: its output would be committed beside the other one's."""
    project = write({}, {})
    with pytest.raises(ConfigurationError) as refused:
        compile_project(project, selection, project.output, CompileOptions(weights=False))
    assert [one.code for one in refused.value.diagnostics if one.is_error] == ["LISA426"]
    assert not project.output.exists()


def test_environment_is_compared_with_the_files_of_others_alone(write: Write) -> None:
    """`--deployment-name` of a personal deployment is not one of the other environments."""
    project = write({}, {"deploymentName": "other"})
    personal = Project(project.root, options=(("--deployment-name", "mine"),))
    own = personal.valid_environments(["one"])
    assert find_collisions(own, personal.other_environments({"one"})) == []


def test_environment_with_errors_is_left_out(write: Write) -> None:
    project = write({}, {"region": "nowhere"})
    assert project.other_environments({"one"}) == []
