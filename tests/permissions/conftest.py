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
FAR_PARAMETER = PARAMETER.replace("us-east-1", "eu-west-1")
"""In another Region: only the gateway reads it."""
SHARED_SECRET = "arn:aws:secretsmanager:us-east-1:999999999999:secret:shared/key-AbCdEf"
"""Of another account: only models read it."""
SECRET_KEY, OTHER_SECRET_KEY, FAR_KEY, SHARED_KEY = (
    f"arn:aws:kms:{place}:key/{number}0000000-2222-4333-8444-555555555555"
    for number, place in enumerate(
        ("us-east-1:123456789012", "us-east-1:123456789012", "eu-west-1:123456789012", "us-east-1:999999999999")
    )
)
NEIGHBORS = ("org/small", "org/small-2", "small", "org/small.v2")
"""Names of models that begin or end as another does."""
CONTENT_KEY = "arn:aws:kms:us-east-1:210987654321:key/01234567-89ab-cdef-0123-456789abcdef"
REPOSITORY = "arn:aws:ecr:us-east-1:123456789012:repository/team/server"
DATABASE = {"dbHost": "db.example.com", "username": "postgres"}
RAG = [
    {"repositoryId": "made", "type": "pgvector", "rdsConfig": {"username": "postgres"}},
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


def _with_environment(container: Mapping[str, Any], **others: str) -> dict[str, Any]:
    return {**container, "environment": {**ENVIRONMENT, **others}}


def _neighbors(folder: Path) -> Compiled:
    """Models with similar names, secrets with own keys, every kind of store, a boundary, and audited content."""
    ecr = {**TGI["containerConfig"], "image": {"repositoryArn": REPOSITORY, "tag": "1", "type": "ecr"}}
    models = [
        _model(NEIGHBORS[0], containerConfig=_with_environment(TGI["containerConfig"], SHARED=SHARED_SECRET)),
        *(_model(name) for name in NEIGHBORS[1:]),
        _model("org/other", containerConfig=ecr),
    ]
    rest_api = MINIMAL["restApiConfig"]
    project = Project(folder).write(
        accountNumbersEcr=["210987654321"],
        modelKeys=True,
        authConfig={**MINIMAL["authConfig"], "backChannelLogout": True},
        ecsModels=models,
        restApiConfig={
            **rest_api,
            "containerConfig": _with_environment(rest_api["containerConfig"], FAR=FAR_PARAMETER),
        },
        secretKeyArns=[SECRET_KEY, OTHER_SECRET_KEY, FAR_KEY, SHARED_KEY],
        deployRag=True,
        ragRepositories=RAG,
        accessConfig={"everyone": {"auditContent": True}, "auditContentStore": {"keyArn": CONTENT_KEY}},
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
