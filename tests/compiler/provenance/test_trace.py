"""A trace of a small project: what has which keys, and what is unknown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.compiler.conftest import Project

from lisa_compiler.compile import provenance
from lisa_compiler.compile.pipeline import Compiled
from lisa_compiler.compile.provenance import index_of, trace
from lisa_compiler.provenance.index import Index, Place

TASK = "cloudformation/model-small.template.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Compiled]:
    project = Project(tmp_path_factory.mktemp("traced")).write()
    return project.folder, project.compile()


@pytest.fixture(scope="module")
def index(made: tuple[Path, Compiled]) -> Index:
    folder, compiled = made
    return trace(folder, "dev", compiled.config, compiled.files)


def shown(index: Index, component: str, resource: str, path: str) -> str:
    own = (place.name for place in index.resources if place.component == component)
    name = next(name for name in own if re.sub("[0-9A-F]{8}$", "", name) == resource)
    return index.explanation(Place(component, name, path))


@pytest.mark.parametrize(
    ("component", "resource", "path", "keys"),
    [
        ("model-small", "InstancesLaunchTemplate", "LaunchTemplateData.InstanceType", "ecsModels[small].instanceType"),
        ("model-small", "InstancesGroup", "MaxSize", "ecsModels[small].autoScalingConfig.maxCapacity"),
        ("model-small", "ModelTask", "ContainerDefinitions[small].MemoryReservation", "ecsModels[small].instanceType"),
        ("model-small", "RegistrationParameter", "Value", "ecsModels[small]"),
        ("serve", "LoadBalancer", "Scheme", "restApiConfig.internetFacing"),
        ("serve", "TokenTable", "DeletionProtectionEnabled", "removalPolicy"),
        ("serve", "TokenTable", "BillingMode", ""),
        ("api-base", "Authorizer", "Environment.Variables.AUTHORITY", "authConfig.authority"),
    ],
)
def test_value_has_the_keys_that_were_put_into_it(
    index: Index, component: str, resource: str, path: str, keys: str
) -> None:
    assert shown(index, component, resource, path) == keys


def test_file_has_the_keys_that_are_in_it_switches_among_them(index: Index) -> None:
    keys = index.keys_of(Place("", "web/env.js"))
    assert {("authConfig", "clientId"), ("ecsModels", 0, "streaming"), ("deployRag",)} <= set(keys)
    assert ("s3BucketModels",) not in keys


def test_keys_of_edited_output_are_unknown(made: tuple[Path, Compiled]) -> None:
    folder, compiled = made
    template = json.loads(compiled.files[TASK])
    name = next(name for name in template["Resources"] if name.startswith("InstancesGroup"))
    template["Resources"][name]["Properties"]["MaxSize"] = "9"
    template["Resources"]["Added"] = {"Type": "AWS::S3::Bucket"}
    found = trace(folder, "dev", compiled.config, {**compiled.files, TASK: json.dumps(template).encode()})
    assert found.unknown == {Place("model-small", "Added"), Place("model-small", name, "MaxSize")}
    assert found.explanation(Place("model-small", name, "MaxSize")) == ""


def test_index_is_kept_until_output_or_configuration_change(
    made: tuple[Path, Compiled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, compiled = made
    traced: list[str] = []

    def counted(*arguments: object) -> Index:
        traced.append("traced")
        return Index({Place("", "a"): {"": (("region",),)}})

    monkeypatch.setattr(provenance, "trace", counted)
    file = tmp_path / "dev" / "SUMMARY.md"
    file.parent.mkdir()
    file.write_text("a", encoding="utf-8")
    first = index_of(tmp_path, tmp_path, "dev", compiled.config)
    assert (index_of(tmp_path, tmp_path, "dev", compiled.config), len(traced)) == (first, 1)
    file.write_text("b", encoding="utf-8")
    index_of(tmp_path, tmp_path, "dev", compiled.config)
    index_of(tmp_path, tmp_path, "dev", compiled.config.model_copy(update={"deploy_chat": False}))
    assert len(traced) == 3
