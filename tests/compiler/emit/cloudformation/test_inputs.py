"""Inputs of stacks: what each contains, that equal ones have equal digests, and limits of the shared stacks."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import TGI, Project

from lisa_compiler.emit.cloudformation.inputs import InputDigests, stack_inputs
from lisa_compiler.emit.cloudformation.protocol import Job, StackInput
from lisa_compiler.emit.cloudformation.runtime import workers
from lisa_compiler.plan.artifacts import ArtifactDigests, GatewayConfiguration
from lisa_compiler.product.artifact import FunctionRecipe, ProductArtifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.plan import Deployment

RESOURCES, TEMPLATE_BYTES = 500, 1_000_000
"""CloudFormation's quotas: resources of a stack, and bytes of a template in S3."""


class AnyDigest(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "0" * 64


class AnyProduct(dict[str, ProductArtifact]):
    def __contains__(self, _name: object) -> bool:
        return True

    def __missing__(self, name: str) -> ProductArtifact:
        return ProductArtifact(name=name, sha256="0" * 64, recipe=FunctionRecipe())


def inputs(deployment: Deployment) -> dict[str, StackInput]:
    layers = {layer.name: "0" * 64 for layer in deployment.layers}
    gateway = GatewayConfiguration(litellm="0" * 64, routes="1" * 64)
    digests = ArtifactDigests(images=AnyDigest(), layers=layers, functions={}, website="", gateway=gateway)
    return {stack.component: stack for stack in stack_inputs(deployment, digests, AnyProduct(), "env")}


def models(count: int) -> list[dict[str, Any]]:
    return [
        {**copy.deepcopy(dict(TGI)), "modelId": f"m{n}", "modelName": f"organization/model-{n}"} for n in range(count)
    ]


def test_inputs_are_in_the_order_of_the_assembly(planned: Callable[..., Deployment]) -> None:
    found = list(inputs(planned(ecsModels=models(2), deployRag=True)))
    assert found == [
        "iam", "networking", "core", "api-base", "serve", "models-api", "api-deployment", "model-m0", "model-m1",
        "chat", "rag", "ui",
    ]  # fmt: skip


def test_model_does_not_know_the_others_nor_the_gateway(planned: Callable[..., Deployment]) -> None:
    plan = inputs(planned(ecsModels=models(2)))["model-m0"].deployment
    assert [model.id for model in plan.models] == ["m0"]
    assert plan.config.ecs_models == ()
    assert plan.rest_api is None
    assert [stack.component for stack in plan.stacks] == ["model-m0"]


def test_digest_is_the_same_for_equal_inputs_and_another_for_others(project: Project) -> None:
    first, again = inputs(project.plan()), inputs(project.plan())
    digester = InputDigests()
    digests = {name: digester.digest(stack) for name, stack in first.items()}
    assert digests == {name: InputDigests().digest(stack) for name, stack in again.items()}
    assert len(set(digests.values())) == len(digests)
    (function,) = first["chat"].products
    changed = {function: replace(first["chat"].products[function], sha256="1" * 64)}
    assert digester.digest(replace(first["chat"], products=changed)) != digests["chat"]
    assert digester.digest(replace(first["ui"], env_js="other")) != digests["ui"]


def test_digest_does_not_depend_on_the_process(project: Project) -> None:
    """Sets are in another order under another hash seed."""
    project.write(ecsModels=models(2), deployRag=True)
    program = (
        "import sys; from pathlib import Path\n"
        "sys.path[:0] = sys.argv[2:]\n"
        "from tests.compiler.conftest import Project\n"
        "from tests.compiler.emit.cloudformation.test_inputs import InputDigests, inputs\n"
        "for stack in inputs(Project(Path(sys.argv[1])).plan()).values(): print(InputDigests().digest(stack))\n"
    )
    command = [sys.executable, "-c", program, str(project.folder), str(Path(__file__).parents[4]), *sys.path]
    outputs = {
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert outputs.pop().split()


def test_value_of_an_unknown_type_is_an_error(project: Project) -> None:
    stack = inputs(project.plan())["chat"]
    with pytest.raises(TypeError, match="object"):
        InputDigests().digest(replace(stack, products={"functions/session": object()}))  # type: ignore[dict-item]


def test_shared_stacks_of_a_thousand_models_stay_within_the_limits(planned: Callable[..., Deployment]) -> None:
    found = inputs(planned(ecsModels=models(1000)))
    assert len(found) > 1000
    shared = tuple(stack for name, stack in found.items() if not name.startswith("model-"))
    (made,) = workers().synthesize([Job((*shared, found["model-m0"]))])
    for stack in made.stacks:
        template = stack.files[f"{stack.component}.template.json"]
        assert len(json.loads(template)["Resources"]) <= RESOURCES, stack.component
        assert len(template) <= TEMPLATE_BYTES, stack.component
