"""The program on each instance: the hooks and signals that it sends, when, and whether AWS would accept them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from tests.compiler.conftest import TGI, configuration, resources, templates

from aws_fidelity.instance_services import INSTANCE, InstanceServices, allows
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.emit.cloudformation.constructs.lifecycle import JOINED, SERVING, Lifecycle, Readiness
from lisa_compiler.resources import templates_dir
from lisa_schema.regions import region as find_region
from lisa_schema.regions import region_names

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/x/0123456789abcdef"
IN_SERVICE = [("CompleteLifecycleAction", "CONTINUE"), ("SignalResource", "SUCCESS")]
ABANDONED = [("SignalResource", "FAILURE"), ("CompleteLifecycleAction", "ABANDON")]


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
        program = load()
        monkeypatch.setattr(program.aws_requests, "send", self.services.send)
        monkeypatch.setattr(program, "STATE", self._state)
        monkeypatch.setattr(program, "log", lambda text: self.output.append(str(text)))
        monkeypatch.setattr(program, "time", Clock(seconds))
        monkeypatch.setattr(program.sys, "argv", ["lisa-lifecycle", str(self.settings)])
        self.services.calls.clear()
        with pytest.raises(Ended):
            program.main()
        return self.services.actions


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lifecycle", templates_dir() / "instance" / "lifecycle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def model(compiled: Compiled, tmp_path: Path) -> Instance:
    return Instance(compiled, tmp_path, "models", SERVING)


@pytest.fixture
def gateway(compiled: Compiled, tmp_path: Path) -> Instance:
    return Instance(compiled, tmp_path, "rest-api", JOINED)


def test_instance_is_in_service_when_its_target_is_healthy(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    model.services.joined = [False, False, True]
    model.services.targets = [None, "initial", "unhealthy", "healthy"]
    assert model.run(monkeypatch) == IN_SERVICE
    asked = [action for action, _ in model.services.calls]
    assert asked == ["DescribeTargetHealth"] * 4 + ["CompleteLifecycleAction", "SignalResource"]
    (_, hook), (_, signal) = model.services.calls[-2:]
    assert (hook["LifecycleHookName"], hook["InstanceId"], signal["UniqueId"]) == ("in-service", INSTANCE, INSTANCE)
    assert [line for line in model.output if "waiting" in line] == [
        "waiting: the ECS agent has not joined cluster test-lisa-dev-small",
        "waiting: it has no target: no task runs on it",
        "waiting: its target is initial",
        "waiting: its target is unhealthy",
    ]


def test_gateway_is_in_service_when_it_has_joined(gateway: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.services.targets = [None]
    gateway.services.joined = [False, True]
    assert gateway.run(monkeypatch) == IN_SERVICE
    assert "DescribeTargetHealth" not in {action for action, _ in gateway.services.calls}


def test_metadata_that_cannot_be_read_yet_is_read_later(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    model.services.outages = 3
    assert model.run(monkeypatch) == IN_SERVICE


def test_instance_that_never_serves_is_abandoned(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    model.services.targets = ["unhealthy"]
    assert model.run(monkeypatch) == ABANDONED
    (line,) = [line for line in model.output if "abandoned" in line]
    waited = float(line.split()[2])
    # The program gives up before the hook and CloudFormation do, so that the reason is on the console.
    assert 3000 < waited < SERVING.limit_seconds
    assert line.endswith("its target is unhealthy")


def test_instance_that_does_not_join_is_abandoned_early(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    model.services.joined = [False]
    assert model.run(monkeypatch, seconds=700) == ABANDONED


def test_instance_of_another_cluster_has_not_joined(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    model.services.cluster = "default"
    assert model.run(monkeypatch) == ABANDONED


def test_instance_that_is_terminated_while_it_starts_is_drained(
    model: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.services.targets = ["initial"]
    model.services.lifecycle = ["InService", "InService", "Terminated"]
    assert model.run(monkeypatch) == [
        ("UpdateContainerInstancesState", "DRAINING"),
        ("CompleteLifecycleAction", "CONTINUE"),
    ]


def test_instance_is_drained_before_it_is_terminated(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    model.services.lifecycle = ["InService", None, "InService", "Terminated"]
    model.services.tasks = [["RUNNING"]] * 60 + [["STOPPED", "STOPPED"]]
    assert model.run(monkeypatch) == [
        *IN_SERVICE,
        ("UpdateContainerInstancesState", "DRAINING"),
        ("CompleteLifecycleAction", "CONTINUE"),
    ]
    assert model.services.calls[-1][1]["LifecycleHookName"] == "drained"
    assert model.services.tasks == [["STOPPED", "STOPPED"]]


def test_requests_that_do_not_end_are_cut_after_the_limit(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    model.services.lifecycle = ["InService", "Terminated"]
    model.services.tasks = [["RUNNING"]]
    assert model.run(monkeypatch)[-1] == ("CompleteLifecycleAction", "CONTINUE")


def test_reboot_does_not_signal_again(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model.run(monkeypatch) == IN_SERVICE
    assert model.run(monkeypatch) == []


def test_image_of_another_instance_signals_for_itself(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model.run(monkeypatch) == IN_SERVICE
    model._state.write_text("i-of-the-image")
    assert model.run(monkeypatch) == IN_SERVICE


def test_instance_added_outside_a_deployment_is_in_service_without_a_signal(
    model: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation rejects signals for a stack that is not being changed."""
    model.services.refusals["SignalResource"] = [(400, "<Code>ValidationError</Code> is in UPDATE_COMPLETE state")] * 99
    model.services.lifecycle = ["InService"] * 20 + ["Terminated"]
    assert model.run(monkeypatch) == [
        ("CompleteLifecycleAction", "CONTINUE"),
        ("UpdateContainerInstancesState", "DRAINING"),
        ("CompleteLifecycleAction", "CONTINUE"),
    ]


@pytest.mark.parametrize(
    "answer",
    [(400, "<Code>Throttling</Code>"), (503, "<Code>ServiceUnavailable</Code>"), (403, "ExpiredToken"), (500, None)],
)
def test_apis_that_fail_for_a_while_are_called_again(
    model: Instance, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, str | None]
) -> None:
    for action in ("CompleteLifecycleAction", "SignalResource", "DescribeTargetHealth"):
        model.services.refusals[action] = [answer] * 20
    assert model.run(monkeypatch) == IN_SERVICE


def test_answers_that_are_cut_are_asked_for_again(model: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    model.services.cut_answers = 3
    assert model.run(monkeypatch) == IN_SERVICE
    assert len([action for action, _ in model.services.calls if action == "DescribeTargetHealth"]) == 4


def test_endpoints_are_those_of_every_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(templates_dir() / "instance")
    program = load()
    called: list[str] = []
    monkeypatch.setattr(program.aws_requests, "call", lambda _, url, **__: called.append(url))
    session = botocore.session.Session()
    for name in region_names():
        region = find_region(name)
        assert region is not None
        for service, client in (
            ("autoscaling", "autoscaling"),
            ("cloudformation", "cloudformation"),
            ("ecs", "ecs"),
            ("elasticloadbalancing", "elbv2"),
        ):
            made = session.create_client(client, region_name=name, aws_access_key_id="a", aws_secret_access_key="b")
            program.call({"region": name, "suffix": region.partition.dns_suffix}, service, "Describe")
            assert called.pop() == f"{made.meta.endpoint_url}/"


def group_of(template: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    ((name, group),) = [
        (name, resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::AutoScaling::AutoScalingGroup"
    ]
    return name, group


@pytest.mark.parametrize(("component", "limit"), [("serve", 1200), ("model-small", 3600)])
def test_group_waits_for_its_instances(compiled: Compiled, component: str, limit: int) -> None:
    name, group = group_of(templates(compiled.files)[component])
    creation, update = group["CreationPolicy"], group["UpdatePolicy"]["AutoScalingRollingUpdate"]
    assert creation["ResourceSignal"] == {"Count": int(group["Properties"]["MinSize"]), "Timeout": f"PT{limit // 60}M"}
    assert (update["WaitOnResourceSignals"], update["PauseTime"]) == (True, f"PT{limit // 60}M")
    launch, termination = group["Properties"]["LifecycleHookSpecificationList"]
    assert (launch["DefaultResult"], launch["HeartbeatTimeout"]) == ("ABANDON", limit)
    assert (termination["DefaultResult"], termination["LifecycleTransition"]) == (
        "CONTINUE",
        "autoscaling:EC2_INSTANCE_TERMINATING",
    )
    settings = settings_of(templates(compiled.files)[component])
    assert (settings["resource"], settings["launchHook"], settings["terminationHook"]) == (
        name,
        launch["LifecycleHookName"],
        termination["LifecycleHookName"],
    )
    assert settings["cluster"] == group["Properties"]["AutoScalingGroupName"]
    # The instance gives up first; what it drains has the deregistration delay and the container's stop timeout.
    assert settings["joinSeconds"] < settings["readySeconds"] < limit <= 3600
    assert 600 + 120 <= settings["drainSeconds"] < termination["HeartbeatTimeout"]


def settings_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in the user data, with references as `{Ref}`."""
    (launch,) = resources(dict(template), "AWS::EC2::LaunchTemplate")
    data = launch["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    parts = data["Fn::Join"][1] if isinstance(data, dict) else [data]
    text = "".join(part if isinstance(part, str) else f"{{{part['Ref']}}}" for part in parts)
    return dict(json.loads(text.partition("<<'SETTINGS'\n")[2].partition("\nSETTINGS\n")[0]))


def test_model_waits_for_its_own_target_group(compiled: Compiled) -> None:
    template = templates(compiled.files)["model-small"]
    reference = settings_of(template)["targetGroup"].strip("{}")
    assert template["Resources"][reference]["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup"
    assert settings_of(templates(compiled.files)["serve"])["targetGroup"] == ""


@pytest.mark.parametrize("component", ["serve", "model-small"])
def test_group_and_service_are_created_at_the_same_time(compiled: Compiled, component: str) -> None:
    """The group waits for tasks of the service, and the service for instances: a dependency would be a deadlock."""
    template = templates(compiled.files)[component]
    kinds = {name: resource["Type"] for name, resource in template["Resources"].items()}
    needs = {name: _needs(resource, kinds) for name, resource in template["Resources"].items()}

    def reached(name: str, seen: set[str]) -> set[str]:
        for other in needs[name] - seen:
            seen.add(other)
            reached(other, seen)
        return seen

    group = next(name for name, kind in kinds.items() if kind == "AWS::AutoScaling::AutoScalingGroup")
    service = next(name for name, kind in kinds.items() if kind == "AWS::ECS::Service")
    assert group not in reached(service, set())
    assert service not in reached(group, set())


def _needs(value: Any, names: Mapping[str, str]) -> set[str]:
    """Logical ids that a resource depends on, by DependsOn or by reference."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                found.add(inner)
            elif key == "Fn::GetAtt":
                found.add(inner[0])
            elif key == "DependsOn":
                found.update([inner] if isinstance(inner, str) else inner)
            else:
                found |= _needs(inner, names)
    elif isinstance(value, list):
        for inner in value:
            found |= _needs(inner, names)
    return found & names.keys()


def test_roles_of_models_with_long_names_signal_their_own_stacks(tmp_path: Path) -> None:
    import yaml

    models = [{**TGI, "modelId": "m" * 120}, {**TGI, "modelId": "n"}]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": configuration(ecsModels=models)}))
    compiled = compile_environment(tmp_path, None)
    allowed = statements(compiled, "models")

    def signals(stack: str) -> bool:
        arn = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{stack}/0123-uuid"
        return allows(allowed, "cloudformation:SignalResource", arn)

    assert all(signals(compiled.deployment.stack(model.component).name) for model in compiled.deployment.models)
    assert not signals(compiled.deployment.stack("serve").name)
    assert not signals(compiled.deployment.stack("iam").name)


def test_role_of_the_gateway_changes_no_other_group(compiled: Compiled) -> None:
    allowed = statements(compiled, "rest-api")
    other: Callable[[str], str] = lambda cluster: (  # noqa: E731
        f"arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:uuid:autoScalingGroupName/{cluster}"
    )
    assert allows(allowed, "autoscaling:CompleteLifecycleAction", other("test-lisa-dev-rest-api"))
    assert not allows(allowed, "autoscaling:CompleteLifecycleAction", other("test-lisa-dev-small"))
