"""What the functions work with: AWS in memory (moto), with the tables that the compiled templates define."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from tests.compiler.conftest import MINIMAL, Project, resources, templates

from runtime.lambdas.proxy_events import ORIGIN


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The templates of a small configuration, by component."""
    auth = {**MINIMAL["authConfig"], "backChannelLogout": True}
    project = Project(tmp_path_factory.mktemp("compiled")).write(deployChat=True, authConfig=auth)
    return templates(project.compile().files)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in memory."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # The same session for all tests: each new one reads the descriptions of the services again, for half a second.
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


@pytest.fixture
def make_table(aws: None, compiled_templates: dict[str, dict[str, Any]]) -> Callable[[str, str], str]:
    """Make the table that a component's template defines under a logical id; returns its name."""

    def make(component: str, logical_id: str) -> str:
        properties = compiled_templates[component]["Resources"][logical_id]["Properties"]
        indexes = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        wanted = ("TableName", "AttributeDefinitions", "KeySchema", *indexes, "BillingMode")
        boto3.client("dynamodb").create_table(**{name: properties[name] for name in wanted if name in properties})
        return str(properties["TableName"])

    return make


@pytest.fixture
def set_environment(
    monkeypatch: pytest.MonkeyPatch, compiled_templates: dict[str, dict[str, Any]]
) -> Callable[..., None]:
    """Set the variables that a component's template gives to its function, of several to the one of a name; what is
    only known when it is deployed is the web application's origin."""

    def set_variables(component: str, function_name: str = "") -> None:
        (function,) = (
            one
            for one in resources(compiled_templates[component], "AWS::Lambda::Function")
            if one["Properties"]["FunctionName"].endswith(function_name)
        )
        for name, value in function["Properties"]["Environment"]["Variables"].items():
            monkeypatch.setenv(name, value if isinstance(value, str) else ORIGIN)

    return set_variables
