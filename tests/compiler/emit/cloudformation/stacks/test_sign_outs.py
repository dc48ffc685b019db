"""Sign-outs in the templates: one table always, and what receives and reads them only with `backChannelLogout`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, Project, resources, templates

TABLE = "test-lisa-dev-sign-outs"


def compiled(folder: Path, **auth: bool) -> dict[str, dict[str, Any]]:
    project = Project(folder).write(authConfig={**MINIMAL["authConfig"], **auth})
    return templates(project.compile().files)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return compiled(tmp_path_factory.mktemp("on"), backChannelLogout=True)


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return compiled(tmp_path_factory.mktemp("off"))


def gateway_variables(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (task,) = resources(found["serve"], "AWS::ECS::TaskDefinition")
    (container,) = (one for one in task["Properties"]["ContainerDefinitions"] if "PortMappings" in one)
    return {one["Name"]: one["Value"] for one in container["Environment"]}


def authorizer_variables(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (function,) = resources(found["api-base"], "AWS::Lambda::Function")
    variables: dict[str, Any] = function["Properties"]["Environment"]["Variables"]
    return variables


def test_the_table_is_there_before_what_reads_it(
    found: dict[str, dict[str, Any]], without: dict[str, dict[str, Any]]
) -> None:
    for each in (found, without):
        (table,) = resources(each["api-base"], "AWS::DynamoDB::Table")
        assert table["Properties"]["TableName"] == TABLE
        assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "deleteAfter", "Enabled": True}
    for variables, expected in ((found, TABLE), (without, "")):
        assert gateway_variables(variables)["SIGN_OUT_TABLE_NAME"] == expected
        assert authorizer_variables(variables)["SIGN_OUT_TABLE_NAME"] == expected


def test_the_address_is_open_limited_and_an_output(found: dict[str, dict[str, Any]]) -> None:
    serve = found["serve"]
    (path,) = (
        name
        for name, one in serve["Resources"].items()
        if one["Type"] == "AWS::ApiGateway::Resource" and one["Properties"]["PathPart"] == "backchannel-logout"
    )
    methods = {
        one["Properties"]["HttpMethod"]: one["Properties"]["AuthorizationType"]
        for one in resources(serve, "AWS::ApiGateway::Method")
        if one["Properties"]["ResourceId"] == {"Ref": path}
    }
    assert methods == {"POST": "NONE", "OPTIONS": "NONE"}
    assert "/backchannel-logout" in str(serve["Outputs"]["BackChannelLogoutUrl"]["Value"])
    (stage,) = resources(found["api-deployment"], "AWS::ApiGateway::Stage")
    limits = {
        (one["HttpMethod"], one["ResourcePath"]): one["ThrottlingRateLimit"]
        for one in stage["Properties"]["MethodSettings"]
    }
    assert limits == {("*", "/*"): 100, ("POST", "/~1backchannel-logout"): 50}


def test_without_the_option_there_is_no_address(without: dict[str, dict[str, Any]]) -> None:
    assert "backchannel-logout" not in str(without)
    assert "BackChannelLogoutUrl" not in without["serve"]["Outputs"]
    assert all("sign-outs" not in str(one) for one in resources(without["serve"], "AWS::IAM::Role"))
