"""The small project, compiled once for each configuration, and what its account says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.compiler.conftest import Project, configuration, manifest_of
from tests.compiler.deploy.strict_aws import StrictAws

from lisa_compiler.artifacts import assembly
from lisa_compiler.aws.account import Account
from lisa_compiler.compile import ami_lock
from lisa_compiler.deploy import preflight
from lisa_compiler.deploy.preflight import Facts, Requirements, Result
from lisa_compiler.output.write import write_environment
from lisa_compiler.plan.amis import GPU_PARAMETER, STANDARD_PARAMETER, AmiLock, LockedAmi

from .healthy import ACCOUNT, GPU, KEY, OTHER_KEY, REGION, STANDARD, healthy


def locked(image_id: str) -> LockedAmi:
    return LockedAmi(id=image_id, name="n", owner="1", creation_date="2026-11-05", deprecation_time=None, version=1)


LOCK = AmiLock(region=REGION, amis={STANDARD_PARAMETER: locked(STANDARD), GPU_PARAMETER: locked(GPU)})
DOMAIN = {"loadBalancerConfig": {"domainName": "lisa.example.com"}}
VPC = {
    "vpcId": "vpc-0123456789abcdef0",
    "availabilityZones": ["us-east-1a", "us-east-1b"],
    "privateSubnetIds": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    "publicSubnetIds": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
    "isolatedSubnetIds": ["subnet-0000000000000000e", "subnet-0000000000000000f"],
    "cidrBlock": "10.20.0.0/16",
}


def rest_api(**balancer: Any) -> dict[str, Any]:
    config = configuration()["restApiConfig"]
    return {**config, "loadBalancerConfig": {**config["loadBalancerConfig"], **balancer}}


CONFIGURATIONS: Mapping[str, dict[str, Any]] = {
    "own vpc": {"restApiConfig": rest_api(domainName="lisa.example.com")},
    "imported vpc": {"vpcId": VPC["vpcId"], "vpc": VPC},
    "bounded": {"permissionsBoundaryAspect": {"permissionsBoundaryPolicyName": "Boundary"}},
    "search": {
        "deployRag": True,
        "ragRepositories": [
            {
                "repositoryId": "docs",
                "type": "opensearch",
                "opensearchConfig": {
                    "dataNodes": 2,
                    "dataNodeInstanceType": "r7g.large.search",
                    "masterNodes": 3,
                    "masterNodeInstanceType": "r7g.large.search",
                    "volumeSize": 20,
                },
            }
        ],
        "ragFileProcessingConfig": {"chunkSize": 512, "chunkOverlap": 51},
    },
    "acm": {
        "restApiConfig": rest_api(
            domainName="lisa.example.com",
            sslCertIamArn="arn:aws:acm:us-east-1:123456789012:certificate/0123",
        )
    },
    "keys": {
        "accessConfig": {"groups": {"reviewed": {"auditContent": True}}, "auditContentStore": {"keyArn": KEY}},
        "secretKeyArns": [OTHER_KEY],
    },
    "dynamic": {"amiConfig": {"resolveAtDeployment": True}},
}


@dataclass(frozen=True)
class Examined:
    """What an account said, and what follows.

    Attributes:
        facts: what it said.
        results: what follows.
        requests: what it was asked.
        permissions: what that needed.
    """

    facts: Facts
    results: tuple[Result, ...]
    requests: list[tuple[str, dict[str, Any]]]
    permissions: tuple[str, ...]

    def of(self, check: str) -> dict[str, Result]:
        """The results of a check, by subject."""
        return {result.subject: result for result in self.results if result.check == check}


@pytest.fixture(scope="session")
def required(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Requirements]:
    """What a configuration needs; `pinned=False` compiles it without a lock file."""
    made: dict[tuple[str, bool], Requirements] = {}

    def require(name: str, *, pinned: bool = True) -> Requirements:
        if (name, pinned) not in made:
            made[name, pinned] = _require(tmp_path_factory.mktemp("project"), CONFIGURATIONS[name], pinned=pinned)
        return made[name, pinned]

    return require


def _require(folder: Path, changes: dict[str, Any], *, pinned: bool) -> Requirements:
    project = Project(folder).write(**changes)
    if pinned:
        ami_lock.save(folder, "dev", LOCK)
    compiled = project.compile()
    write_environment(folder / "generated", "dev", {**compiled.files, "manifest.json": manifest_of(compiled)})
    order = [stack.component for stack in compiled.deployment.stacks]
    return preflight.require(compiled.deployment, assembly.read(folder / "generated", "dev", "aws", order))


Examine = Callable[..., Examined]


@pytest.fixture(scope="session")
def session() -> Any:
    """A session whose service models are read once."""
    return boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="local")


@pytest.fixture
def examine(required: Callable[..., Requirements], session: Any, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Examine the healthy account with other answers, for a configuration."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def examined(answers: Mapping[str, Any] | None = None, of: str = "own vpc", *, pinned: bool = True) -> Examined:
        requirements = required(of, pinned=pinned)
        with StrictAws({**healthy(), **(answers or {})}) as aws:
            for name, value in aws.environment.items():
                monkeypatch.setenv(name, value)
            account = Account(ACCOUNT, REGION, session)
            facts, permissions = preflight.collect(requirements, account)
        assert aws.problems == []
        return Examined(facts, preflight.check(requirements, facts), aws.requests, permissions)

    return examined
