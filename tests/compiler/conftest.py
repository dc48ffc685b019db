"""A small project to compile, and what it compiles to, made once a session."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lisa_compiler.output import manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lisa_compiler.compile.pipeline import Compiled
    from lisa_compiler.emit.cloudformation.protocol import Job, Synthesized
    from lisa_compiler.plan import Deployment

_SCALING = {"metricConfig": {"AlbMetricName": "RequestCountPerTarget", "targetValue": 30}}
_BALANCER = {"healthCheckConfig": {"path": "/health"}}

TGI: Mapping[str, Any] = {
    "modelName": "org/small-model",
    "modelId": "small",
    "modelType": "textgen",
    "streaming": True,
    "instanceType": "g5.xlarge",
    "inferenceContainer": "tgi",
    "containerConfig": {"image": {"baseImage": "tgi:1", "path": "lib/serve/ecs-model/textgen/tgi"}},
    "autoScalingConfig": _SCALING,
    "loadBalancerConfig": _BALANCER,
}

MINIMAL: Mapping[str, Any] = {
    "deploymentName": "test",
    "accountNumber": "123456789012",
    "region": "us-east-1",
    "deploymentStage": "dev",
    "removalPolicy": "destroy",
    "s3BucketModels": "test-models",
    "authConfig": {"authority": "https://idp.example.com", "clientId": "lisa", "legacyTokens": False},
    "lambdaConfig": {"pythonRuntime": "PYTHON_3_13"},
    "restApiConfig": {
        "instanceType": "m5.large",
        "containerConfig": {"image": {"baseImage": "python:3.12", "path": "lib/serve/rest-api"}},
        "autoScalingConfig": _SCALING,
        "loadBalancerConfig": {
            **_BALANCER,
            "sslCertIamArn": "arn:aws:iam::123456789012:server-certificate/test",
        },
    },
    "ecsModels": [TGI],
}


def configuration(**changes: Any) -> dict[str, Any]:
    """The minimal configuration with other top-level values; None removes one."""
    merged = {**copy.deepcopy(dict(MINIMAL)), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def model(**changes: Any) -> dict[str, Any]:
    """The hosted model of the minimal configuration, with other values."""
    return {**copy.deepcopy(dict(TGI)), **changes}


def mirrored(block: Mapping[str, Any]) -> dict[str, Any]:
    """A service whose base image is in a registry of the network, as an isolated Region requires."""
    own = copy.deepcopy(dict(block))
    image = own["containerConfig"]["image"]
    image["baseImage"] = f"registry.example.com/{image['baseImage']}"
    return own


@dataclass(frozen=True)
class Project:
    """A project folder and what is in it."""

    folder: Path

    def write(self, **changes: Any) -> Project:
        text = yaml.safe_dump({"env": "dev", "dev": configuration(**changes)}, sort_keys=False)
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")
        return self

    def plan(self) -> Deployment:
        from lisa_compiler.plan import plan
        from lisa_compiler.project.load import load
        from lisa_schema.validate import validate

        loaded = load(self.folder, None)
        return plan(loaded.environment, validate(loaded.document).config)

    def compile(self) -> Compiled:
        from lisa_compiler.compile.pipeline import compile_environment

        return compile_environment(self.folder, None)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path).write()


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Deployment]:
    """Plan the minimal configuration with changes."""
    return lambda **changes: Project(tmp_path).write(**changes).plan()


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[..., Compiled]:
    """Compile the minimal configuration with changes."""
    return lambda **changes: Project(tmp_path).write(**changes).compile()


@pytest.fixture
def synthesis_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the CDK in this process, whose code a test has changed."""
    from lisa_compiler.emit.cloudformation import assembly, runtime
    from lisa_compiler.emit.cloudformation.environment import node

    class Here:
        def synthesize(self, jobs: Sequence[Job]) -> list[Synthesized]:
            from lisa_compiler.emit.cloudformation.app import synthesize

            return [runtime.completed(synthesize(job)) for job in jobs]

    monkeypatch.setenv("JSII_NODE", str(node()))
    monkeypatch.setenv("CDK_VALIDATION", "false")
    monkeypatch.setattr(assembly, "workers", Here)


@pytest.fixture
def without_acknowledgements(synthesis_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let cdk-nag report what the stacks acknowledge."""
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

    monkeypatch.setattr(LisaStack, "acknowledge", lambda *_: None)


def manifest_of(compiled: Compiled) -> bytes:
    """The manifest that `lisa compile` writes with these files."""
    products = compiled.products.artifacts.values()
    return manifest.build(compiled.environment, compiled.config, options=(), files=compiled.files, products=products)


def templates(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """The CloudFormation templates among compiled files, by component."""
    return {
        path.removeprefix("cloudformation/").removesuffix(".template.json"): json.loads(content)
        for path, content in files.items()
        if path.endswith(".template.json")
    }


def resources(template: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The resources of a type in a template."""
    return [resource for resource in template["Resources"].values() if resource["Type"] == kind]
