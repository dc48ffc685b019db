"""The program on each instance: the hooks and signals that it sends, when, and whether AWS would accept them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import botocore.session
import pytest
from tests.compiler.conftest import TGI, configuration

from aws_fidelity.instance_services import INSTANCE
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.emit.cloudformation.constructs.lifecycle import JOINED, SERVING
from lisa_compiler.resources import templates_dir
from lisa_schema.regions import region as find_region
from lisa_schema.regions import region_names

from .instance_lifecycle import Instance, load_program

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

IN_SERVICE = [("CompleteLifecycleAction", "CONTINUE"), ("SignalResource", "SUCCESS")]
ABANDONED = [("SignalResource", "FAILURE"), ("CompleteLifecycleAction", "ABANDON")]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    import yaml

    folder = tmp_path_factory.mktemp("project")
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": configuration(ecsModels=[dict(TGI)])}))
    return compile_environment(folder, None)


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
    program = load_program()
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
