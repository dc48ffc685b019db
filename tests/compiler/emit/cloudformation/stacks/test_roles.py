"""Roles stand in the stack of what uses them, under names that the iam stack did not have."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import TGI, Project, resources, templates

if TYPE_CHECKING:
    from pathlib import Path

SCOPE = "test-lisa-dev-us-east-1-"
OTHER = {**copy.deepcopy(dict(TGI)), "modelId": "other", "modelName": "org/other"}
REPOSITORIES = [{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "postgres"}}]
BEFORE = {
    "execution-rest-api", "instance-rest-api", "lambda-authorizer", "lambda-models", "lambda-rag", "lambda-session",
    "task-other", "task-rest-api", "task-small",
}  # fmt: skip
"""Roles that the iam stack had, which exist while the stacks of their users are deployed."""


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    project = Project(tmp_path_factory.mktemp("project"))
    project.write(ecsModels=[dict(TGI), OTHER], deployRag=True, ragRepositories=REPOSITORIES)
    return templates(project.compile().files)


def role_names(template: dict[str, Any]) -> set[str]:
    return {role["Properties"]["RoleName"].removeprefix(SCOPE) for role in resources(template, "AWS::IAM::Role")}


def test_each_role_is_in_the_stack_of_its_user(stacks: dict[str, dict[str, Any]]) -> None:
    names = {component: role_names(template) for component, template in stacks.items()}
    assert names["iam"] == {"execution-models", "instance-models"}
    assert names["serve"] >= {"rest-api-task", "rest-api-execution", "rest-api-instance"}
    assert names["model-small"] == {"small-task"}
    assert names["model-other"] == {"other-task"}
    assert "authorizer-function" in names["api-base"]
    assert "models-function" in names["models-api"]
    assert "session-function" in names["chat"]
    assert "rag-function" in names["rag"]


def test_no_role_moved_under_its_name(stacks: dict[str, dict[str, Any]]) -> None:
    """CloudFormation cannot create a role in one stack while another stack has one of that name."""
    assert not {name for template in stacks.values() for name in role_names(template)} & BEFORE
    profiles = [
        one["Properties"]["InstanceProfileName"]
        for template in stacks.values()
        for one in resources(template, "AWS::IAM::InstanceProfile")
    ]
    assert sorted(profiles) == [f"{SCOPE}instance-models", f"{SCOPE}rest-api-instance"]


def test_no_stack_reads_a_role_that_the_iam_stack_had(stacks: dict[str, dict[str, Any]]) -> None:
    """So the other stacks can be deployed before the iam stack loses those roles."""
    read = {
        parameter["Default"]
        for template in stacks.values()
        for parameter in template.get("Parameters", {}).values()
        if "/roles/" in str(parameter.get("Default"))
    }
    assert read == {"/dev/test/lisa/roles/execution-models"}


def test_iam_stack_does_not_grow_with_models(tmp_path: Path, stacks: dict[str, dict[str, Any]]) -> None:
    one = Project(tmp_path).write(ecsModels=[dict(TGI)], deployRag=True, ragRepositories=REPOSITORIES)
    assert json.dumps(templates(one.compile().files)["iam"]) == json.dumps(stacks["iam"])


def test_another_model_does_not_deploy_the_api_again(tmp_path: Path, stacks: dict[str, dict[str, Any]]) -> None:
    one = Project(tmp_path).write(ecsModels=[dict(TGI)], deployRag=True, ragRepositories=REPOSITORIES)
    assert templates(one.compile().files)["api-deployment"] == stacks["api-deployment"]
