"""Deployments whose roles are evaluated: the example environments, and two with what these do not have."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, TGI, Project

from lisa_compiler.compile.pipeline import Compiled, compile_environment
from permissions.deployed import Deployed
from permissions.role_check import Universe

ROOT = Path(__file__).parents[2]
EXAMPLES = ("airgap", "dev", "prod")
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:team/key-AbCdEf"
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter/team/key"
ENVIRONMENT = {"TOKEN": SECRET, "OTHER_TOKEN": PARAMETER}
NEIGHBORS = ("org/small", "org/small-2", "small", "org/small.v2")
"""Names of models that begin or end as another does."""
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/team/server"
DATABASE = {"dbHost": "db.example.com", "username": "postgres"}
RAG = [
    {"repositoryId": "made", "type": "pgvector", "rdsConfig": {"username": "postgres"}},
    {"repositoryId": "guarded", "type": "pgvector", "rdsConfig": {"username": "master", "functionUser": "password"}},
    {
        "repositoryId": "prepared",
        "type": "pgvector",
        "rdsConfig": {**DATABASE, "passwordSecretId": "team/administrator", "functionUser": "password"},
    },
    {"repositoryId": "named", "type": "pgvector", "rdsConfig": {**DATABASE, "passwordSecretId": "team/database"}},
    {
        "repositoryId": "searched",
        "type": "opensearch",
        "opensearchConfig": {
            "dataNodes": 2,
            "dataNodeInstanceType": "r6g.large.search",
            "masterNodes": 3,
            "masterNodeInstanceType": "r6g.large.search",
            "volumeSize": 20,
        },
    },
]


def _model(name: str, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(TGI)), "modelName": name, "modelId": name.replace("/", "-"), **changes}


def _with_environment(container: Mapping[str, Any]) -> dict[str, Any]:
    return {**container, "environment": ENVIRONMENT}


def _neighbors(folder: Path) -> Compiled:
    """Models with similar names, secrets of both kinds, every kind of store, a boundary, and trusted images."""
    ecr = {**TGI["containerConfig"], "image": {"repositoryArn": REPOSITORY, "tag": "1", "type": "ecr"}}
    models = [
        _model(NEIGHBORS[0], containerConfig=_with_environment(TGI["containerConfig"])),
        *(_model(name) for name in NEIGHBORS[1:]),
        _model("org/other", containerConfig=ecr),
    ]
    rest_api = MINIMAL["restApiConfig"]
    project = Project(folder).write(
        accountNumbersEcr=["210987654321"],
        modelKeys=True,
        ecsModels=models,
        restApiConfig={**rest_api, "containerConfig": _with_environment(rest_api["containerConfig"])},
        deployRag=True,
        ragRepositories=RAG,
        permissionsBoundaryAspect={"permissionsBoundaryPolicyName": "boundary", "rolePrefix": "team-"},
    )
    return project.compile()


def _legacy(folder: Path) -> Compiled:
    """The CDK's older synthesizer, and no documents."""
    return Project(folder).write(stackSynthesizer="LegacyStackSynthesizer", deployRag=False).compile()


@pytest.fixture(scope="session", params=[*EXAMPLES, "legacy", "neighbors"])
def universe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Universe:
    """Each deployment, with what its programs call."""
    own = {"legacy": _legacy, "neighbors": _neighbors}.get(request.param)
    compiled = own(tmp_path_factory.mktemp("project")) if own else compile_environment(ROOT, request.param)
    return Universe.of(Deployed.of(compiled))
