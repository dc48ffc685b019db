"""ami.<env>.lock.json: its form, and what compiling makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import Project, resources, templates

from lisa_compiler.compile import ami_lock, cache
from lisa_compiler.plan.amis import GPU_PARAMETER, STANDARD_PARAMETER, AmiLock, LockedAmi
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled

STANDARD, GPU = "ami-0123456789abcdef0", "ami-0123456789abcdef1"


def locked(image_id: str) -> LockedAmi:
    return LockedAmi(
        id=image_id,
        name=f"al2023-ami-ecs-{image_id[-1]}",
        owner="591542846629",
        creation_date="2026-11-05T18:02:11.000Z",
        deprecation_time=None,
        version=12,
    )


LOCK = AmiLock(region="us-east-1", amis={STANDARD_PARAMETER: locked(STANDARD), GPU_PARAMETER: locked(GPU)})


def image_ids(compiled: Compiled) -> dict[str, Any]:
    return {
        component: template["Properties"]["LaunchTemplateData"]["ImageId"]
        for component, content in templates(compiled.files).items()
        for template in resources(content, "AWS::EC2::LaunchTemplate")
    }


def warnings(compiled: Compiled) -> list[str]:
    return [found.message for found in compiled.diagnostics if found.code == "LISA411"]


def test_a_lock_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    ami_lock.save(tmp_path, "dev", LOCK)
    assert ami_lock.load(tmp_path, "dev") == LOCK
    assert ami_lock.load(tmp_path, "prod") == AmiLock()
    assert json.loads((tmp_path / "ami.dev.lock.json").read_text())["amis"][GPU_PARAMETER]["imageId"] == GPU
    assert [path.name for path in tmp_path.iterdir()] == ["ami.dev.lock.json"]


def test_the_order_of_parameters_does_not_change_the_file() -> None:
    backwards = AmiLock(region=LOCK.region, amis=dict(reversed(list(LOCK.amis.items()))))
    assert ami_lock.render(backwards) == ami_lock.render(LOCK)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schemaVersion": 2}, "schemaVersion"),
        ({"region": "the moon"}, "region"),
        ({"amis": {GPU_PARAMETER: {"imageId": "latest"}}}, "imageId"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_lock_file_of_another_form_is_an_error(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    content = json.loads(ami_lock.render(LOCK)) | change
    (tmp_path / "ami.dev.lock.json").write_text(json.dumps(content))
    with pytest.raises(ConfigurationError) as raised:
        ami_lock.load(tmp_path, "dev")
    (found,) = raised.value.diagnostics
    assert found.code == "LISA412"
    assert told in found.message


def test_text_that_is_not_json_is_an_error_at_the_file(tmp_path: Path) -> None:
    (tmp_path / "ami.dev.lock.json").write_text("<<<<<<< HEAD")
    with pytest.raises(ConfigurationError) as raised:
        ami_lock.load(tmp_path, "dev")
    assert str(raised.value.diagnostics[0].origin) == "ami.dev.lock.json"


def test_templates_have_the_literal_id_and_no_parameter(project: Project) -> None:
    ami_lock.save(project.folder, "dev", LOCK)
    compiled = project.compile()
    assert image_ids(compiled) == {"serve": STANDARD, "model-small": GPU}
    assert "InstanceImage" not in templates(compiled.files)["serve"]["Parameters"]
    assert warnings(compiled) == []
    summary = compiled.files["SUMMARY.md"].decode()
    assert f"{GPU}, al2023-ami-ecs-1 of 2026-11-05" in summary


def test_without_a_lock_file_no_ami_is_chosen(project: Project) -> None:
    compiled = project.compile()
    parameter = templates(compiled.files)["serve"]["Parameters"]["InstanceImage"]
    assert (parameter["Type"], "Default" in parameter) == ("AWS::EC2::Image::Id", False)
    assert warnings(compiled) == ["The AMI of rest-api, small is not pinned: ami.dev.lock.json does not exist."]
    assert "**not pinned**" in compiled.files["SUMMARY.md"].decode()


def test_a_lock_file_of_another_region_is_told(project: Project) -> None:
    ami_lock.save(project.folder, "dev", AmiLock(region="us-west-2", amis=LOCK.amis))
    assert warnings(project.compile()) == [
        "The AMI of rest-api, small is not pinned: ami.dev.lock.json is for the Region us-west-2, but dev deploys to "
        "us-east-1."
    ]


def test_a_parameter_that_the_lock_file_lacks_is_told(project: Project) -> None:
    ami_lock.save(project.folder, "dev", AmiLock(region="us-east-1", amis={GPU_PARAMETER: locked(GPU)}))
    assert warnings(project.compile()) == [
        f"The AMI of rest-api is not pinned: ami.dev.lock.json does not have {STANDARD_PARAMETER}."
    ]


def test_parameters_are_read_at_deployment_only_when_the_configuration_says_so(tmp_path: Path) -> None:
    compiled = Project(tmp_path).write(amiConfig={"resolveAtDeployment": True}).compile()
    parameter = templates(compiled.files)["model-small"]["Parameters"]["InstanceImage"]
    assert parameter["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    assert parameter["Default"] == GPU_PARAMETER
    assert warnings(compiled) == []
    assert f"**read at each deployment** from {GPU_PARAMETER}" in compiled.files["SUMMARY.md"].decode()


def test_a_changed_lock_file_is_compiled(project: Project) -> None:
    before = cache.snapshot(project.folder, "dev")
    ami_lock.save(project.folder, "dev", LOCK)
    assert cache.snapshot(project.folder, "dev").inputs != before.inputs
