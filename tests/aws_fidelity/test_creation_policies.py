"""Auto Scaling groups wait for the signals of their instances, which their roles may send."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import TGI, configuration, resources, templates

from aws_fidelity.instance_services import allows
from lisa_compiler.compile.pipeline import compile_environment

from .instance_lifecycle import statements

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    import yaml

    folder = tmp_path_factory.mktemp("project")
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": configuration(ecsModels=[dict(TGI)])}))
    return compile_environment(folder, None)


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
    needs = {name: references(resource, kinds) for name, resource in template["Resources"].items()}

    def reached(name: str, seen: set[str]) -> set[str]:
        for other in needs[name] - seen:
            seen.add(other)
            reached(other, seen)
        return seen

    group = next(name for name, kind in kinds.items() if kind == "AWS::AutoScaling::AutoScalingGroup")
    service = next(name for name, kind in kinds.items() if kind == "AWS::ECS::Service")
    assert group not in reached(service, set())
    assert service not in reached(group, set())


def references(value: Any, names: Mapping[str, str]) -> set[str]:
    """Logical ids that a resource depends on, by DependsOn or by reference."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                found.add(inner)
            elif key == "Fn::GetAtt":
                found.add(inner[0])
            elif key == "DependsOn":
                # Containers of a task depend on each other by objects.
                found.update([inner] if isinstance(inner, str) else [one for one in inner if isinstance(one, str)])
            else:
                found |= references(inner, names)
    elif isinstance(value, list):
        for inner in value:
            found |= references(inner, names)
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
