"""Users, mounts and keys of containers, and the web ACL, as they are compiled."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from tests.compiler.conftest import MINIMAL, Project, model, resources, templates

WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/lisa/01234567-89ab-cdef-0123-456789abcdef"
SECRET = "test-lisa-dev/models/small/key"
TMPFS = ["rw", "nosuid", "nodev", "exec", "mode=1777"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    rest = copy.deepcopy(dict(MINIMAL["restApiConfig"]))
    rest["containerConfig"]["writablePaths"] = ["/var/cache/gateway"]
    root = {**MINIMAL["ecsModels"][0]["containerConfig"], "user": "0:0", "readOnlyRootFilesystem": False}
    project = Project(tmp_path_factory.mktemp("project")).write(
        restApiConfig=rest,
        ecsModels=[model(), model(modelId="rooted", modelName="org/rooted", containerConfig=root)],
        wafWebAclArn=WEB_ACL,
        modelKeys=True,
    )
    return dict(project.compile().files)


def containers(files: dict[str, bytes], component: str) -> list[dict[str, Any]]:
    (task,) = resources(templates(files)[component], "AWS::ECS::TaskDefinition")
    return list(task["Properties"]["ContainerDefinitions"])


def test_containers_are_unprivileged(files: dict[str, bytes]) -> None:
    for component in ("serve", "model-small"):
        container = containers(files, component)[0]
        assert (container["User"], container["ReadonlyRootFilesystem"]) == ("65534:65534", True)
        assert container["DockerSecurityOptions"] == ["no-new-privileges"]
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
        assert "Privileged" not in container
    (gateway,) = containers(files, "serve")
    assert gateway["LinuxParameters"]["Tmpfs"] == [
        {"ContainerPath": path, "Size": 2048, "MountOptions": TMPFS} for path in ("/tmp", "/var/cache/gateway")
    ]


def test_weights_belong_to_the_user_before_the_model_starts(files: dict[str, bytes]) -> None:
    server, owner = containers(files, "model-small")
    assert server["DependsOn"] == [{"ContainerName": owner["Name"], "Condition": "SUCCESS"}]
    assert (owner["Essential"], owner["User"], owner["Image"]) == (False, "0:0", server["Image"])
    assert owner["LinuxParameters"]["Capabilities"] == {"Add": ["CHOWN", "DAC_READ_SEARCH"], "Drop": ["ALL"]}
    assert owner["MountPoints"] == [{"SourceVolume": "nvme", "ContainerPath": "/nvme", "ReadOnly": False}]
    assert "Environment" not in owner
    assert "Secrets" not in owner


def test_an_image_can_require_root(files: dict[str, bytes]) -> None:
    (server,) = containers(files, "model-rooted")
    assert (server["User"], server["ReadonlyRootFilesystem"]) == ("0:0", False)
    assert "DependsOn" not in server
    assert "HOME" not in {one["Name"] for one in server["Environment"]}


def test_each_model_has_a_key_that_the_gateway_finds(files: dict[str, bytes]) -> None:
    stack = templates(files)["model-small"]
    (secret,) = resources(stack, "AWS::SecretsManager::Secret")
    assert secret["Properties"]["Name"] == SECRET
    assert secret["Properties"]["GenerateSecretString"]["PasswordLength"] >= 32
    (reference,) = containers(files, "model-small")[0]["Secrets"]
    assert stack["Resources"][reference["ValueFrom"]["Ref"]] == secret
    assert reference["Name"] == "LISA_MODEL_KEY"
    routes = {one["name"]: one for one in json.loads(files["gateway/routes.json"])["models"]}
    assert routes["small"]["key"] == {"secret": SECRET, "variable": "LISA_MODEL_KEY_SMALL"}
    listed = {one["model_name"]: one for one in yaml.safe_load(files["litellm/config.yaml"])["model_list"]}
    assert listed["small"]["litellm_params"]["api_key"] == "os.environ/LISA_MODEL_KEY_SMALL"


def test_the_web_acl_filters_both_entrances(files: dict[str, bytes]) -> None:
    stacks = templates(files)
    found = {
        component: resource["Properties"]
        for component, stack in stacks.items()
        for resource in resources(stack, "AWS::WAFv2::WebACLAssociation")
    }
    assert set(found) == {"serve", "api-deployment"}
    assert {each["WebACLArn"] for each in found.values()} == {WEB_ACL}
    (balancer,) = (
        name
        for name, each in stacks["serve"]["Resources"].items()
        if each["Type"] == "AWS::ElasticLoadBalancingV2::LoadBalancer"
    )
    assert found["serve"]["ResourceArn"] == {"Ref": balancer}
    assert "/restapis/" in json.dumps(found["api-deployment"]["ResourceArn"])
