"""One instance whose lifecycle program runs against stub services, with the permissions of its template."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import TGI, configuration, resources, templates

from aws_fidelity.instance_services import InstanceServices, allows
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.emit.cloudformation.constructs.lifecycle import Lifecycle, Readiness
from lisa_compiler.resources import templates_dir

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled


TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/x/0123456789abcdef"


class Ended(BaseException):
    """Ends the program, which never ends."""


class Clock:
    """Time that passes with each pause of the program; it ends the program when nothing happens any more."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self._end = seconds

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self._end:
            raise Ended


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    import yaml

    folder = tmp_path_factory.mktemp("project")
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": configuration(ecsModels=[dict(TGI)])}))
    return compile_environment(folder, None)


def statements(compiled: Compiled, group: str) -> list[Mapping[str, Any]]:
    """What the template's role of instances allows."""
    component, name = {"models": ("iam", "-instance-models"), "rest-api": ("serve", "-rest-api-instance")}[group]
    roles = resources(templates(compiled.files)[component], "AWS::IAM::Role")
    (role,) = [each for each in roles if each["Properties"]["RoleName"].endswith(name)]
    return [
        statement for policy in role["Properties"]["Policies"] for statement in policy["PolicyDocument"]["Statement"]
    ]


def resource_of(action: str, given: Mapping[str, Any]) -> str:
    """The resource that IAM authorizes a call on (Service Authorization Reference)."""
    return {
        "autoscaling:CompleteLifecycleAction": lambda: (
            "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:0123-uuid:"
            f"autoScalingGroupName/{given['AutoScalingGroupName']}"
        ),
        "cloudformation:SignalResource": lambda: (
            f"arn:aws:cloudformation:us-east-1:123456789012:stack/{given['StackName']}/0123-uuid"
        ),
        "ecs:UpdateContainerInstancesState": lambda: given["containerInstances"][0],
        "elasticloadbalancing:DescribeTargetHealth": lambda: "*",
    }[action]()


class Instance:
    """One instance: its services and its root volume."""

    def __init__(self, compiled: Compiled, folder: Path, group: str, readiness: Readiness) -> None:
        component = "serve" if group == "rest-api" else "model-small"
        cluster = "test-lisa-dev-rest-api" if group == "rest-api" else "test-lisa-dev-small"
        allowed = statements(compiled, group)
        self.services = InstanceServices(
            region="us-east-1",
            cluster=cluster,
            is_allowed=lambda action, given: allows(allowed, action, resource_of(action, given)),
        )
        self.settings = folder / "lifecycle.json"
        self.settings.write_text(
            Lifecycle(
                cluster=cluster,
                region="us-east-1",
                suffix="amazonaws.com",
                stack=compiled.deployment.stack(component).name,
                resource="Group",
                target_group_arn=TARGET_GROUP if readiness.needs_healthy_target else "",
                readiness=readiness,
                drain_seconds=720,
            ).settings()
        )
        self._state = folder / "state" / "in-service"
        self.output: list[str] = []

    def run(self, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 8000) -> list[tuple[str, str]]:
        """Run the program from its start until `seconds` have passed; returns what it changed."""
        monkeypatch.syspath_prepend(templates_dir() / "instance")
        program = load_program()
        monkeypatch.setattr(program.aws_requests, "send", self.services.send)
        monkeypatch.setattr(program, "STATE", self._state)
        monkeypatch.setattr(program, "log", lambda text: self.output.append(str(text)))
        monkeypatch.setattr(program, "time", Clock(seconds))
        monkeypatch.setattr(program.sys, "argv", ["lisa-lifecycle", str(self.settings)])
        self.services.calls.clear()
        with pytest.raises(Ended):
            program.main()
        return self.services.actions


def load_program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lifecycle", templates_dir() / "instance" / "lifecycle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
