"""Every task fits on its instance, by ECS's rules: of all environments, all GPU types, and all types of the table."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import MINIMAL, TGI, Project, resources, templates

from aws_fidelity.ecs_placement import container_instance, registered_mib, reserved_mib, tasks_at_once
from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.plan import plan
from lisa_compiler.project.load import load
from lisa_schema.instances import InstanceType, instance_type, instance_type_names
from lisa_schema.regions import region
from lisa_schema.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("airgap", "dev", "prod")
CONTAINERS = {
    "vllm": ("textgen", "vllm"),
    "tgi": ("textgen", "textgen/tgi"),
    "tei": ("embedding", "embedding/tei"),
    "instructor": ("embedding", "embedding/instructor"),
}
GIB = 1024


def every_type() -> tuple[InstanceType, ...]:
    return tuple(found for name in instance_type_names() if (found := instance_type(name)))


def gpu_types() -> tuple[str, ...]:
    """Types with GPUs that models can be hosted on in the Region of the tests' project."""
    home = region(MINIMAL["region"])
    assert home is not None
    hosts = [host for host in every_type() if host.gpus and host.architecture == "x86_64"]
    return tuple(host.name for host in hosts if home.offers(host.name))


GPU_TYPES = gpu_types()


def hosted(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Instance type, task definition and service of a template that has one."""
    for launch in resources(template, "AWS::EC2::LaunchTemplate"):
        [task], [service] = resources(template, "AWS::ECS::TaskDefinition"), resources(template, "AWS::ECS::Service")
        yield launch["Properties"]["LaunchTemplateData"]["InstanceType"], task["Properties"], service["Properties"]


def refusals(files: Mapping[str, bytes]) -> dict[str, str]:
    """By component and instance type, why ECS does not place its tasks."""
    found = {}
    for component, template in templates(files).items():
        for name, task, service in hosted(template):
            host = container_instance(name)
            reasons = [reason for _ in range(tasks_at_once(service)) for reason in host.place(task)]
            found[f"{component} on {name}"] = ", ".join(reasons)
    return found


def gpu_model(number: int) -> dict[str, Any]:
    container, (kind, path) = list(CONTAINERS.items())[number % len(CONTAINERS)]
    image = {"baseImage": f"{container}:1", "path": f"lib/serve/ecs-model/{path}"}
    return {
        **TGI,
        "modelName": f"org/model-{number}",
        "modelId": f"m{number}",
        "modelType": kind,
        "streaming": True if kind == "textgen" else None,
        "instanceType": GPU_TYPES[number],
        "inferenceContainer": container,
        "containerConfig": {"image": image},
    }


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_tasks_of_environments_are_placed(environment: str) -> None:
    found = refusals(compile_environment(ROOT, environment).files)
    assert len(found) >= 2
    assert found == dict.fromkeys(found, "")


def test_tasks_are_placed_on_every_gpu_type(tmp_path: Path) -> None:
    assert len(GPU_TYPES) > 40
    models = [without_none(gpu_model(number)) for number in range(len(GPU_TYPES))]
    found = refusals(Project(tmp_path).write(ecsModels=models).compile().files)
    models_found = {name: reasons for name, reasons in found.items() if name.startswith("model-")}
    assert len(models_found) == len(GPU_TYPES)
    assert models_found == dict.fromkeys(models_found, "")


def test_reservations_fit_every_type_that_is_accepted(tmp_path: Path) -> None:
    """The planner's figures for the gateway and a model on each type that validation accepts."""
    project = Project(tmp_path).write()
    loaded = load(project.folder, None)
    config = validate(loaded.document).config
    accepted = [host for host in every_type() if host.memory_mib > 2 * GIB]
    assert len(accepted) > 1000
    for host in accepted:
        update = {"instance_type": host.name}
        model = config.ecs_models[0].model_copy(update=update)
        changes = {
            "rest_api_config": config.rest_api_config.model_copy(update=update),
            "ecs_models": (model,) if host.memory_mib > 5 * GIB else (),
        }
        planned = plan(loaded.environment, config.model_copy(update=changes))
        for service in (planned.rest_api, *(model.service for model in planned.models)):
            assert 4 <= service.memory_reservation_mib <= service.memory_mib <= registered_mib(host), host.name


@functools.cache
def prod_model() -> dict[str, Any]:
    files = compile_environment(ROOT, "prod").files
    [(name, task, _)] = hosted(templates(files)["model-llama70b"])
    assert name == "p4d.24xlarge"
    return task


def changed_task(**container: Any) -> dict[str, Any]:
    task = copy.deepcopy(prod_model())
    first = task["ContainerDefinitions"][0]
    first.update(container)
    task["ContainerDefinitions"] = [without_none(first)]
    return task


def test_advertised_memory_less_five_gib_is_not_placed() -> None:
    """The fault that kept 34 of 66 GPU types from running anything."""
    task = changed_task(MemoryReservation=None, Memory=1152 * GIB - 5 * GIB)
    assert container_instance("p4d.24xlarge").place(task) == ["RESOURCE:MEMORY"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Cpu": 96 * 1024 + 1}, "RESOURCE:CPU"),
        ({"ResourceRequirements": [{"Type": "GPU", "Value": "9"}]}, "RESOURCE:GPU"),
        ({"PortMappings": [{"ContainerPort": 8080, "HostPort": 22}]}, "RESOURCE:PORTS"),
    ],
)
def test_what_an_instance_lacks_is_the_reason(changes: dict[str, Any], reason: str) -> None:
    assert container_instance("p4d.24xlarge").place(changed_task(**changes)) == [reason]


def test_second_task_finds_gpus_memory_and_port_taken() -> None:
    host = container_instance("p4d.24xlarge")
    assert host.place(changed_task(PortMappings=[{"ContainerPort": 8080, "HostPort": 80}])) == []
    second = host.place(changed_task(PortMappings=[{"ContainerPort": 8080, "HostPort": 80}]))
    assert second == ["RESOURCE:MEMORY", "RESOURCE:GPU", "RESOURCE:PORTS"]


def test_two_gateway_tasks_fit_with_dynamic_ports() -> None:
    [(name, task, _)] = hosted(templates(compile_environment(ROOT, "dev").files)["serve"])
    task["ContainerDefinitions"][0]["PortMappings"][0]["HostPort"] = 0
    host = container_instance(name)
    assert [host.place(task), host.place(task)] == [[], []]


def test_task_without_memory_is_invalid() -> None:
    with pytest.raises(ValueError, match="At least one of"):
        reserved_mib({})
    with pytest.raises(ValueError, match="must not be greater"):
        reserved_mib({"MemoryReservation": 2, "Memory": 1})
    assert reserved_mib({"MemoryReservation": 1, "Memory": 2}) == 1


def test_tasks_have_no_hard_limit() -> None:
    """Where one is set, the weights' page cache counts, and a process over it is killed on a host with free memory."""
    container = prod_model()["ContainerDefinitions"][0]
    assert "Memory" not in container
    assert container["LinuxParameters"]["SharedMemorySize"] < container["MemoryReservation"]


def test_published_figures_are_below_the_advertised_memory() -> None:
    known = [host for host in every_type() if host.registered_mib is not None]
    assert len(known) > 30
    for host in known:
        assert host.registered_mib is not None
        assert 0.87 < host.registered_mib / host.memory_mib < 1, host.name
