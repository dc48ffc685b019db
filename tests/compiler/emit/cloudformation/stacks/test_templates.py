"""The templates of a small deployment."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import TGI, Project, resources, templates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from syrupy.assertion import SnapshotAssertion

    from lisa_compiler.compile.pipeline import Compiled


def test_api_deployment_is_named_by_the_routes(compiled: Callable[..., Compiled]) -> None:
    def deployment_id(**changes: Any) -> str:
        stack = templates(compiled(**changes).files)["api-deployment"]
        return next(
            name for name, found in stack["Resources"].items() if found["Type"] == "AWS::ApiGateway::Deployment"
        )

    alone = deployment_id(deployUi=False)
    assert re.fullmatch(r"ApiDeployment[0-9a-f]{16}", alone)
    assert deployment_id(deployUi=False, logLevel="DEBUG") == alone
    assert deployment_id() != alone


def test_template_asset_is_named_by_its_content(project: Project) -> None:
    import hashlib

    files = project.compile().files
    assets = json.loads(files["cloudformation/api-deployment.assets.json"])["files"]
    digest = hashlib.sha256(files["cloudformation/api-deployment.template.json"]).hexdigest()
    (template,) = [asset for name, asset in assets.items() if name.endswith(" Template")]
    assert [place["objectKey"] for place in template["destinations"].values()] == [f"{digest}.json"]


@pytest.mark.parametrize(
    "synthesizer", ["CliCredentialsStackSynthesizer", "DefaultStackSynthesizer", "LegacyStackSynthesizer"]
)
def test_assets_are_relative_for_each_synthesizer(compiled: Callable[..., Compiled], synthesizer: str) -> None:
    files = compiled(stackSynthesizer=synthesizer).files
    paths, commands = set(), set()
    if synthesizer == "LegacyStackSynthesizer":
        artifacts = json.loads(files["cloudformation/manifest.json"])["artifacts"].values()
        entries = [e for artifact in artifacts for found in artifact.get("metadata", {}).values() for e in found]
        paths = {entry["data"]["path"] for entry in entries}
    else:
        for path, content in files.items():
            if path.endswith(".assets.json"):
                manifest = json.loads(content)
                paths |= {entry["source"].get("path", "") for entry in manifest["files"].values()}
                paths |= {entry["source"].get("directory", "") for entry in manifest["dockerImages"].values()}
                commands |= {
                    " ".join(entry["source"].get("executable", ()))
                    for kind in ("files", "dockerImages")
                    for entry in manifest[kind].values()
                }
    assert "../containers/small" in paths
    names = ("containers/rest-api", "functions/session", "layers/common", "web/application")
    if synthesizer == "LegacyStackSynthesizer":
        materialized = {path.removeprefix("../../../.lisa/artifacts/") for path in paths}
        products = compiled(stackSynthesizer=synthesizer).products.artifacts
        assert {products[name].file_name for name in names} <= materialized
    else:
        options = {"containers/rest-api": " --image"}
        expected = {f"lisa artifacts materialize {name} --env dev{options.get(name, '')}" for name in names}
        assert expected <= commands
    assert not any(path.startswith("/") for path in paths)


def test_many_models_share_out_their_registration(compiled: Callable[..., Compiled]) -> None:
    models = [
        {**copy.deepcopy(dict(TGI)), "modelId": f"model-{n:03}", "modelName": f"org/{'m' * 60}-{n}"} for n in range(60)
    ]
    found = templates(compiled(ecsModels=models).files)
    assert sum(component.startswith("model-") for component in found) == 60
    for component, template in found.items():
        assert len(template["Resources"]) < 500, component
        assert len(json.dumps(template)) < 1_000_000, component
    parameters = {
        resource["Properties"]["Name"]: resource["Properties"]["Value"]
        for resource in resources(found["serve"], "AWS::SSM::Parameter")
        if "registeredModels" in resource["Properties"]["Name"]
    }
    parts = json.loads(parameters.pop("/dev/test/lisa/registeredModels"))["parts"]
    assert parts == len(parameters) > 1
    assert all(len(value.encode()) <= 4096 for value in parameters.values())
    listed = json.loads("".join(parameters[f"/dev/test/lisa/registeredModels/{number}"] for number in range(parts)))
    assert sorted(model["modelId"] for model in listed) == [f"model-{n:03}" for n in range(60)]


def test_imported_vpc_makes_none(compiled: Callable[..., Compiled]) -> None:
    vpc = {
        "vpcId": "vpc-0123456789abcdef0",
        "availabilityZones": ["us-east-1a", "us-east-1b"],
        "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        "publicSubnetIds": ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"],
        "isolatedSubnetIds": ["subnet-0123456789abcdef4", "subnet-0123456789abcdef5"],
        "cidrBlock": "10.1.0.0/16",
    }
    networking = templates(compiled(vpcId=vpc["vpcId"], vpc=vpc).files)["networking"]
    kinds = {resource["Type"] for resource in networking["Resources"].values()}
    assert kinds == {"AWS::EC2::SecurityGroup", "AWS::Route53::HostedZone", "AWS::SSM::Parameter"}
    assert "10.1.0.0/16" in json.dumps(networking)


SMALL: Mapping[str, Any] = {"deployUi": True, "deployRag": True}
REPOSITORIES = [{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "postgres"}}]


@pytest.mark.parametrize(
    "component",
    [
        "api-base",
        "api-deployment",
        "chat",
        "core",
        "iam",
        "model-small",
        "models-api",
        "networking",
        "rag",
        "serve",
        "ui",
    ],
)
def test_template(component: str, snapshot: SnapshotAssertion, small: dict[str, dict[str, Any]]) -> None:
    """The template of a small deployment, with the digests of artifacts left out: other tests pin those."""
    text = json.dumps(small[component], indent=2)
    assert re.sub(r"[0-9a-f]{64}", "<digest>", text) == snapshot


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    project = Project(tmp_path_factory.mktemp("small")).write(ragRepositories=REPOSITORIES, **SMALL)
    return templates(project.compile().files)
