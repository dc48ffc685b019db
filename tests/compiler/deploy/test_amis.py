"""`lisa ami refresh`, and deployments whose AMIs are not pinned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import Project
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app
from lisa_compiler.compile import ami_lock
from lisa_compiler.plan.amis import GPU_PARAMETER, STANDARD_PARAMETER

from .preflight import healthy
from .preflight.healthy import ACCOUNT, GPU, STANDARD
from .strict_aws import DENIED, StrictAws

pytestmark = pytest.mark.filterwarnings("ignore:.*does not match an error shape")


def image(image_id: str, **changes: Any) -> dict[str, Any]:
    return healthy.image(image_id, CreationDate="2026-11-05T18:02:11.000Z", **changes)


def parameters(values: dict[str, str]) -> Any:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        names = asked["Names"]
        found = [{"Name": n, "Type": "String", "Value": values[n], "Version": 12} for n in names if n in values]
        missing = [name for name in names if name not in values]
        return {"Parameters": found, **({"InvalidParameters": missing} if missing else {})}

    return answer


def images(*found: dict[str, Any]) -> Any:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["IncludeDeprecated"] is True
        (wanted,) = (one["Values"] for one in asked["Filters"] if one["Name"] == "image-id")
        there = [one for one in found if one["ImageId"] in wanted]
        return dict(healthy.one_by_one("Images", there)(asked))

    return answer


def account(**changes: Any) -> dict[str, Any]:
    return {
        "sts:GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/x", "UserId": "x"},
        "ssm:GetParameters": parameters({STANDARD_PARAMETER: STANDARD, GPU_PARAMETER: GPU}),
        "ec2:DescribeImages": images(image(STANDARD), image(GPU)),
    } | {name.replace("_", ":"): answer for name, answer in changes.items()}


@pytest.fixture(autouse=True)
def _no_other_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def lisa(project: Project, *arguments: str, aws: StrictAws | None = None) -> Result:
    first = 2 if arguments[0] == "ami" else 1
    given = [*arguments[:first], "--project", str(project.folder), *arguments[first:]]
    return CliRunner().invoke(app, given, env=aws.environment if aws else {})


def refreshed(project: Project, *arguments: str, **changes: Any) -> Result:
    with StrictAws(account(**changes)) as aws:
        result = lisa(project, "ami", "refresh", *arguments, aws=aws)
    assert aws.problems == []
    return result


def test_refresh_pins_what_the_parameters_name(project: Project) -> None:
    result = refreshed(project)
    assert result.exit_code == 0, result.output
    content = json.loads((project.folder / "ami.dev.lock.json").read_text())
    assert content["region"] == "us-east-1"
    assert content["amis"][GPU_PARAMETER] == {
        "imageId": GPU,
        "name": "al2023-ami-ecs-1",
        "owner": "591542846629",
        "creationDate": "2026-11-05T18:02:11.000Z",
        "deprecationTime": None,
        "parameterVersion": 12,
    }
    assert f"+ {GPU}  al2023-ami-ecs-1, created 2026-11-05" in result.output


def test_refresh_again_changes_nothing(project: Project) -> None:
    refreshed(project)
    before = (project.folder / "ami.dev.lock.json").stat().st_mtime_ns
    result = refreshed(project)
    assert (result.exit_code, "is up to date" in result.output) == (0, True)
    assert (project.folder / "ami.dev.lock.json").stat().st_mtime_ns == before


def test_check_finds_a_newer_ami_and_writes_nothing(project: Project) -> None:
    refreshed(project)
    before = (project.folder / "ami.dev.lock.json").read_bytes()
    newer = "ami-0123456789abcdef2"
    changes = {
        "ssm_GetParameters": parameters({STANDARD_PARAMETER: STANDARD, GPU_PARAMETER: newer}),
        "ec2_DescribeImages": images(image(STANDARD), image(newer)),
    }
    result = refreshed(project, "--check", **changes)
    assert result.exit_code == 3
    assert f"- {GPU}" in result.output
    assert f"+ {newer}" in result.output
    assert (project.folder / "ami.dev.lock.json").read_bytes() == before
    assert refreshed(project, **changes).exit_code == 0
    assert newer.encode() in (project.folder / "ami.dev.lock.json").read_bytes()


def test_an_ami_that_the_configuration_gives_is_not_asked_for(tmp_path: Path) -> None:
    project = Project(tmp_path).write(amiConfig={"amiId": STANDARD, "gpuAmiId": GPU})
    result = lisa(project, "ami", "refresh")
    assert (result.exit_code, "no AMI to pin" in result.output) == (0, True)
    assert not (tmp_path / "ami.dev.lock.json").exists()


def test_a_parameter_that_is_no_longer_used_leaves_the_lock_file(tmp_path: Path) -> None:
    project = Project(tmp_path).write()
    refreshed(project)
    project.write(amiConfig={"gpuAmiId": GPU})
    refreshed(project)
    assert list(ami_lock.load(tmp_path, "dev").amis) == [STANDARD_PARAMETER]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ssm_GetParameters": parameters({STANDARD_PARAMETER: STANDARD})}, f"no SSM parameter {GPU_PARAMETER}"),
        (
            {"ssm_GetParameters": parameters({STANDARD_PARAMETER: '{"image_id": "x"}', GPU_PARAMETER: GPU})},
            "does not contain an AMI ID",
        ),
        ({"ec2_DescribeImages": images(image(STANDARD))}, f"{GPU} does not exist, or is not shared"),
        ({"ec2_DescribeImages": images(image(STANDARD), image(GPU, State="failed"))}, "in the state failed"),
        ({"ec2_DescribeImages": images(image(STANDARD), image(GPU, Architecture="arm64"))}, "arm64 processors"),
        ({"ssm_GetParameters": DENIED}, "ssm:GetParameters"),
        ({"ec2_DescribeImages": DENIED}, "ec2:DescribeImages"),
    ],
)
def test_what_cannot_be_pinned_writes_nothing(project: Project, changes: dict[str, Any], told: str) -> None:
    result = refreshed(project, **changes)
    assert result.exit_code == 1
    assert told in result.output
    assert not (project.folder / "ami.dev.lock.json").exists()


def test_another_account_is_refused(project: Project) -> None:
    other = {"Account": "999999999999", "Arn": "arn:aws:iam::999999999999:user/x", "UserId": "x"}
    result = refreshed(project, sts_GetCallerIdentity=other)
    assert (result.exit_code, "999999999999" in result.output) == (1, True)


def test_a_deployment_without_pinned_amis_is_refused(project: Project) -> None:
    assert lisa(project, "compile").exit_code == 0
    result = lisa(project, "deploy", "--yes")
    assert result.exit_code == 1
    assert f"serve: {STANDARD_PARAMETER}" in result.output
    assert f"model-small: {GPU_PARAMETER}" in result.output
    assert "lisa ami refresh --env dev" in result.output


def test_strict_compile_refuses_amis_that_are_not_pinned(project: Project) -> None:
    result = lisa(project, "compile", "--strict")
    assert (result.exit_code, "error LISA411" in result.output) == (1, True)
