"""A deployment on the model of CloudFormation: variants of a configuration, compiled once, and `lisa deploy` on it.

Templates are the compiled ones, without types that neither hold data nor have names that other stacks could take.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.compiler.conftest import Project, manifest_of, model

from lisa_compiler.artifacts.assembly import Assembly, read
from lisa_compiler.aws import cloudformation as aws_cloudformation
from lisa_compiler.aws import stack_operations
from lisa_compiler.aws.account import Account
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy import adoption
from lisa_compiler.deploy.cdk import Cdk
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.deploy.session import DeploySession, Outcome, StackPlan

from .account_rules import Thing
from .cdk_model import CdkModel
from .cloudformation_endpoint import Endpoint, Killed

OMITTED = ("AWS::ApiGateway::", "AWS::CloudWatch::", "AWS::EC2::Route", "AWS::EC2::SubnetRouteTable")
KEPT = ("AWS::ApiGateway::Account", "AWS::ApiGateway::RestApi", "AWS::CloudWatch::Dashboard")
DATA = (
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
)

_NODE = "r7g.large.search"
_DOMAIN = {
    "dataNodes": 2,
    "dataNodeInstanceType": _NODE,
    "masterNodes": 3,
    "masterNodeInstanceType": _NODE,
    "volumeSize": 20,
}
_REPOSITORIES = [
    {"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "postgres"}},
    {"repositoryId": "search", "type": "opensearch", "opensearchConfig": _DOMAIN},
]
BASE: Mapping[str, Any] = {
    "deployChat": True,
    "deployRag": True,
    "deployUi": True,
    "ragRepositories": _REPOSITORIES,
    "ecsModels": [model(), model(modelName="org/second", modelId="second")],
}
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "base": {},
    "one model": {"ecsModels": [model()]},
    "renamed model": {"ecsModels": [model(), model(modelName="org/second", modelId="other")]},
    "no documents": {"deployRag": False, "ragRepositories": []},
    "no chat": {"deployChat": False, "deployUi": False, "logLevel": "DEBUG"},
}
ENVIRONMENTS: Mapping[str, Mapping[str, Any]] = {
    "dev": {"removalPolicy": "destroy"},
    "prod": {"removalPolicy": "retain"},
    "legacy": {"removalPolicy": "retain", "stackSynthesizer": "LegacyStackSynthesizer"},
}


@dataclass(frozen=True)
class Compilations:
    """Assemblies by environment and variant, compiled when they are asked for."""

    folder: Path
    made: dict[tuple[str, str], tuple[Assembly, Any]] = field(default_factory=dict)

    def __getitem__(self, key: tuple[str, str]) -> tuple[Assembly, Any]:
        if key not in self.made:
            environment, variant = key
            folder = self.folder / f"{environment} {variant}"
            folder.mkdir(exist_ok=True)
            changes = copy.deepcopy({**BASE, **VARIANTS[variant], **ENVIRONMENTS[environment]})
            project = Project(folder).write(**changes)
            compiled = project.compile()
            for path, content in {**compiled.files, "manifest.json": manifest_of(compiled)}.items():
                file = folder / "generated" / compiled.environment / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(_smaller(content) if path.endswith(".template.json") else content)
            self.made[key] = read(folder / "generated", "dev", "aws", ()), project.plan()
        return self.made[key]


@dataclass
class ModelSite:
    """An environment on the model.

    Attributes:
        compilations: what can be deployed.
        environment: `dev`, `prod` or `legacy`.
        endpoint: AWS.
        told: what was told.
    """

    compilations: Compilations
    environment: str
    endpoint: Endpoint = field(default_factory=Endpoint)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        version = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "30"}
        self.endpoint.model.rules.create("AWS::SSM::Parameter", version["Name"], version)

    def session(self, variant: str) -> DeploySession:
        found, deployment = self.compilations[self.environment, variant]
        # Weights have tests of their own.
        context = SimpleNamespace(
            deployment=SimpleNamespace(names=deployment.names, models=(), config=deployment.config),
            environment=self.environment,
            project=SimpleNamespace(root=found.directory.parents[2]),
        )
        cdk = CdkModel(
            found, self.endpoint.client("cloudformation"), self.told.append, as_yaml=self.environment == "legacy"
        )
        return DeploySession(
            cast(DeploymentContext, context),
            found,
            cast(Cdk, cdk),
            cast(Account, self.endpoint),
            self.told.append,
        )

    def plan(self, variant: str = "base") -> StackPlan:
        return self.session(variant).plan_deployment(None)

    def deploy(self, variant: str = "base", skipped: Mapping[str, Sequence[str]] | None = None) -> Outcome:
        """Plan and deploy as `lisa deploy --yes --allow-destroy` does."""
        session = self.session(variant)
        planned = session.plan_deployment(None)
        if planned.changes_nothing:
            return Outcome(code=0, failures={}, outputs={})
        return session.deploy(planned, skipped or {})

    def destroy(self, variant: str = "base", skipped: Mapping[str, Sequence[str]] | None = None) -> Outcome:
        session = self.session(variant)
        return session.destroy(session.plan_destruction(None), skipped or {})

    def attempt(self, variant: str) -> int:
        """Deploy, whatever becomes of it; the exit code, as the CLI has it, or that of a killed process."""
        return _code(lambda: self.deploy(variant))

    def attempt_destroy(self, variant: str) -> int:
        """Destroy, likewise."""
        return _code(lambda: self.destroy(variant))

    def deployed(self, variant: str = "base") -> Outcome:
        outcome = self.deploy(variant)
        assert outcome.succeeded, (outcome.failures, self.told[-5:])
        return outcome

    @property
    def statuses(self) -> dict[str, str]:
        return {name: stack.status for name, stack in self.endpoint.model.stacks.items()}

    def name(self, component: str) -> str:
        return f"test-lisa-{component}-dev"

    def fail(self, operation: str, logical: str, times: int = 1) -> None:
        self.endpoint.model.faults[operation, logical] = times

    def things(self, *kinds: str) -> list[Thing]:
        return [thing for thing in self.endpoint.model.rules.things.values() if thing.kind in kinds]

    def fill(self) -> set[str]:
        """Put data into everything that holds some; what holds data from now on."""
        found = self.things(*DATA)
        for thing in found:
            thing.contents = int(thing.kind == "AWS::S3::Bucket")
        return {thing.identity for thing in found}

    def deployment(self) -> dict[str, Any]:
        """What is deployed: templates, and the properties of resources, but for ids that AWS chose."""
        return {
            name: {
                "template": stack.template,
                "resources": {
                    logical: (record.kind, record.policy, sorted(record.properties))
                    for logical, record in sorted(stack.records.items())
                },
            }
            for name, stack in sorted(self.endpoint.model.stacks.items())
        }


def _smaller(content: bytes) -> bytes:
    template = json.loads(content)
    gone = {
        logical
        for logical, entry in template["Resources"].items()
        if entry["Type"].startswith(OMITTED) and entry["Type"] not in KEPT
    }
    resources = {logical: entry for logical, entry in template["Resources"].items() if logical not in gone}
    return json.dumps({**template, "Resources": _without(resources, gone), "Outputs": {}}).encode()


def _without(value: Any, gone: set[str]) -> Any:
    """A value with text in place of references to resources that are left out."""
    if isinstance(value, list):
        return [_without(each, gone) for each in value if not (isinstance(each, str) and each in gone)]
    if isinstance(value, dict):
        if value.get("Ref") in gone:
            return "left-out"
        found = value.get("Fn::GetAtt")
        if found and (found if isinstance(found, str) else found[0]).split(".")[0] in gone:
            return "left-out"
        return {
            key: one if isinstance(one, str) and one not in gone else _without(one, gone)
            for key, one in value.items()
            if not (key == "DependsOn" and isinstance(one, str) and one in gone)
        }
    return value


@contextmanager
def no_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (aws_cloudformation, stack_operations, adoption):
            patch.setattr(module, "_PAUSE", 0.0)
        yield


def _code(action: Callable[[], Outcome]) -> int:
    try:
        return action().code
    except DeployError:
        return 1
    except Killed:
        return -9
