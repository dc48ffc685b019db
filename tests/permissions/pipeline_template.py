"""Templates of pipelines as `lisa init` writes them, with values for their parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from lisa_compiler.starter.pipelines import CODEPIPELINE, ROLES, Pipeline, PipelineSettings, pipeline_files
from lisa_compiler.starter.repository import INSTALL
from lisa_compiler.starter.workflows import WorkflowSettings

ACCOUNT, REGION = "123456789012", "us-east-1"
VALUES: Final[Mapping[str, str]] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
    "Environment": "dev",
    "StackPrefix": "demo",
    "ModelsBucket": "demo-models-123456789012",
    "Qualifier": "hnb659fds",
    "Repository": "owner/name",
    "Branch": "main",
    "Source": "CodeCommit",
    "PermissionsBoundary": "",
    "CreateProvider": "true",
    "VpcId": "",
    "PipelineType": "V2",
}
SETTINGS = WorkflowSettings(
    header="Made for a test.", environments=("dev", "prod"), install=INSTALL, lisa="lisa", strict=True, own_tests=False
)


class _Tagged(yaml.SafeLoader):
    """Reads YAML of CloudFormation: `!Sub x` is {"Fn::Sub": x}."""


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {name: loader.construct_sequence(node, deep=True)}


_Tagged.add_multi_constructor("!", _tag)  # type: ignore[no-untyped-call]  # PyYAML has no types here


def files(system: Pipeline) -> dict[str, str]:
    """What `lisa init --pipeline` writes."""
    environments = [
        {
            "name": name,
            "deploymentName": "demo",
            "region": REGION,
            "s3BucketModels": f"demo-{name}-models-{ACCOUNT}",
        }
        for name in ("dev", "prod")
    ]
    return pipeline_files(
        PipelineSettings(system=system, workflows=SETTINGS, deployment="demo", environments=environments)
    )


def template(system: Pipeline, **values: str) -> dict[str, Any]:
    """The template of a system's roles, with values in place of functions."""
    text = files(system)[CODEPIPELINE if system is Pipeline.CODEPIPELINE else ROLES]
    content = yaml.load(text, Loader=_Tagged)  # a safe loader
    given = {**VALUES, **values}
    conditions: dict[str, bool] = {}
    for name, condition in content["Conditions"].items():
        conditions[name] = bool(_resolved(condition, given, conditions))
    return dict(_resolved(content, given, conditions))


def documents(role: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The policies of a role."""
    return [policy["PolicyDocument"] for policy in role["Properties"]["Policies"]]


_NOTHING = object()


def _resolved(value: Any, given: Mapping[str, str], conditions: Mapping[str, bool]) -> Any:  # noqa: PLR0911  # a function each
    if isinstance(value, list):
        found = [_resolved(each, given, conditions) for each in value]
        return [each for each in found if each is not _NOTHING]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        match name:
            case "Ref":
                return _NOTHING if inner == "AWS::NoValue" else given.get(inner, f"<{inner}>")
            case "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: given.get(found[1], f"<{found[1]}>"), inner)
            case "Fn::GetAtt":
                return f"<{inner}>"
            case "Fn::If":
                return _resolved(inner[1] if conditions[inner[0]] else inner[2], given, conditions)
            case "Fn::Equals":
                first, second = (_resolved(each, given, conditions) for each in inner)
                return first == second
            case "Fn::Not":
                return not _resolved(inner[0], given, conditions)
            case "Condition" if isinstance(inner, str) and inner in conditions:
                return conditions[inner]
    found = {key: _resolved(inner, given, conditions) for key, inner in value.items()}
    return {key: inner for key, inner in found.items() if inner is not _NOTHING}
