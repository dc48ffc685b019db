"""Functions find lists in Parameter Store, below a path that their role may read; their variables do not grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import TGI, Project, resources, templates

FUNCTIONS = {"models-api": ("ModelsRole", "MODELS_PS_PATH"), "rag": ("RagRole", "REPOSITORIES_PS_PATH")}


def repositories(count: int) -> dict[str, Any]:
    found = {"type": "opensearch", "opensearchConfig": {"endpoint": "search.example.com"}}
    return {
        "deployRag": True,
        "ragRepositories": [{**found, "repositoryId": f"{'r' * 60}{number:03}"} for number in range(count)],
    }


def lists(count: int) -> dict[str, Any]:
    """A configuration whose lists have so many entries."""
    external = {
        "litellm_params": {"model": "openai/x", "api_base": "https://x.example.com/v1", "api_key": "EMPTY"},
        "lisa_params": {"model_type": "textgen", "streaming": True},
    }
    return {
        **repositories(count),
        "ecsModels": [{**TGI, "modelId": f"m{number}"} for number in range(count)],
        "litellmConfig": {"model_list": [{**external, "model_name": f"external{number}"} for number in range(count)]},
        "accountNumbersEcr": [f"{number:012}" for number in range(count)],
        "tags": [{"Key": f"tag{number}", "Value": "v"} for number in range(count)],
    }


def variables(compiled: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Variables of every function, and of the gateway's container, by stack and logical id."""
    found: dict[str, Any] = {}
    for component, template in compiled.items():
        if component.startswith("model-"):
            continue
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Lambda::Function":
                found[f"{component}/{name}"] = resource["Properties"].get("Environment")
            elif resource["Type"] == "AWS::ECS::TaskDefinition":
                containers = resource["Properties"]["ContainerDefinitions"]
                found[f"{component}/{name}"] = [one["Environment"] for one in containers]
    return found


def test_variables_do_not_grow_with_lists_of_the_configuration(tmp_path: Path) -> None:
    few, many = (variables(templates(Project(tmp_path).write(**lists(count)).compile().files)) for count in (1, 15))
    assert {name.partition("/")[0] for name in few} >= {"api-base", "chat", "models-api", "rag", "serve", "ui"}
    assert many == few


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("component", FUNCTIONS)
def test_role_reads_the_path_that_its_function_has_and_nothing_above(component: str, tmp_path: Path) -> None:
    role, variable = FUNCTIONS[component]
    compiled = templates(Project(tmp_path).write(**repositories(2)).compile().files)
    (path,) = (
        found["Properties"]["Environment"]["Variables"][variable]
        for found in resources(compiled[component], "AWS::Lambda::Function")
        if variable in found["Properties"].get("Environment", {}).get("Variables", {})
    )
    readable = [
        resource.partition(":parameter")[2]
        for policy in compiled[component]["Resources"][role]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "ssm:GetParametersByPath" in statement["Action"]
        for resource in as_list(statement["Resource"])
    ]
    # IAM decides on the path that a request names, and not on the parameters below it.
    assert path in readable
    assert all(one.count("/") == path.count("/") for one in readable)


def test_each_repository_is_a_parameter_directly_below_the_path(tmp_path: Path) -> None:
    compiled = templates(Project(tmp_path).write(**repositories(3)).compile().files)
    names = [found["Properties"]["Name"] for found in resources(compiled["rag"], "AWS::SSM::Parameter")]
    names.remove("/dev/test/lisa/repositoryAccess")  # Beside the path: every parameter below it is a repository.
    assert names == [f"/dev/test/lisa/repositories/{'r' * 60}{number:03}" for number in range(3)]
