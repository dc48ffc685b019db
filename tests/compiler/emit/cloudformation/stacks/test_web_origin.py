"""The origin that the gateway's answers name: the web application's, unless the configuration names others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import MINIMAL, Project, resources, templates

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY_ADDRESS = {"Fn::Join": ["", ["https://", {"Ref": "ApiId"}, ".execute-api.us-east-1.amazonaws.com"]]}
OWN_DOMAIN = {"domainName": "lisa.example.com", "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a"}


def rest_api(**environment: str) -> dict[str, Any]:
    config = MINIMAL["restApiConfig"]
    return {**config, "containerConfig": {**config["containerConfig"], "environment": environment}}


@pytest.mark.parametrize(
    ("changes", "origins"),
    [
        ({}, GATEWAY_ADDRESS),
        ({"apiGatewayConfig": OWN_DOMAIN}, "https://lisa.example.com"),
        ({"restApiConfig": rest_api(WEB_ORIGINS="https://a.example.com")}, "https://a.example.com"),
    ],
)
def test_the_gateway_is_told_the_origin(tmp_path: Path, changes: dict[str, Any], origins: object) -> None:
    serve = templates(Project(tmp_path).write(**changes).compile().files)["serve"]
    (task,) = resources(serve, "AWS::ECS::TaskDefinition")
    container = task["Properties"]["ContainerDefinitions"][0]
    given = [each["Value"] for each in container["Environment"] if each["Name"] == "WEB_ORIGINS"]
    assert given == [origins]


def test_an_origin_in_a_secret_is_no_variable_besides(tmp_path: Path) -> None:
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:origins-AbCdEf"
    changes = {"restApiConfig": rest_api(WEB_ORIGINS=secret)}
    serve = templates(Project(tmp_path).write(**changes).compile().files)["serve"]
    (task,) = resources(serve, "AWS::ECS::TaskDefinition")
    container = task["Properties"]["ContainerDefinitions"][0]
    assert "WEB_ORIGINS" not in {each["Name"] for each in container["Environment"]}
    assert container["Secrets"] == [{"Name": "WEB_ORIGINS", "ValueFrom": secret}]
