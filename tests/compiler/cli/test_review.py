"""`lisa diff` and `lisa explain` as commands."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Lisa

ROOT = Path(__file__).parents[3]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example project, committed, without the output of all environments but prod."""
    folder = tmp_path / "repository"
    shutil.copytree(ROOT / "generated" / "prod", folder / "generated" / "prod")
    shutil.copytree(ROOT / "environments", folder / "environments")
    shutil.copy(ROOT / "config.yaml", folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    monkeypatch.chdir(folder)
    return folder


def rewrite(folder: Path, path: str, old: str, new: str) -> None:
    file = folder / "generated" / "prod" / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_nothing_changes(repository: Path, lisa: Lisa) -> None:
    result = lisa("diff", "--env", "prod")
    assert (result.code, result.out.splitlines()[0]) == (0, "prod: no changes")


def test_the_working_tree_is_what_is_compared(repository: Path, lisa: Lisa) -> None:
    rewrite(repository, "cloudformation/model-llama70b.template.json", '"MaxSize": "2"', '"MaxSize": "3"')
    result = lisa("diff", "--env", "prod", "--format", "json")
    data = json.loads(result.out)
    assert data["base"]["reference"] == "main"
    assert [one["logicalId"] for one in data["resources"]] == ["InstancesGroupAB145D62"]
    assert (data["capacity"]["before"]["maximum"]["gpus"], data["capacity"]["after"]["maximum"]["gpus"]) == (25, 33)


def stamp(folder: Path) -> Path:
    """What a compile leaves behind that knows the files as they are."""
    from lisa_compiler.compile import cache
    from lisa_compiler.compile.inputs import tokens

    output = folder / "generated"
    state = output / ".lisa" / "environment-prod.json"
    state.parent.mkdir()
    content = {
        "manifest": hashlib.sha256((output / "prod" / "manifest.json").read_bytes()).hexdigest(),
        "options": cache._options_digest(()),
        "inputs": tokens(folder, ["config.yaml", "environments/prod.yaml"]),
    }
    state.write_text(json.dumps(content), encoding="utf-8")
    return state


def test_output_that_its_sources_have_left_behind_is_said_to_be_so(repository: Path, lisa: Lisa) -> None:
    state = stamp(repository)
    assert lisa("diff", "--env", "prod").err == ""
    with (repository / "environments" / "prod.yaml").open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    assert "changed since the last compile. Run `lisa compile --env prod` first" in lisa("diff", "--env", "prod").err
    assert "> generated/prod or its sources changed" in lisa("diff", "--env", "prod", "--format", "markdown").out
    state.unlink()
    assert lisa("diff", "--env", "prod").err == ""


def test_output_that_was_edited_is_said_to_be_so(repository: Path, lisa: Lisa) -> None:
    stamp(repository)
    assert lisa("explain", "region", "--env", "prod").err == ""
    rewrite(repository, "SUMMARY.md", "# prod", "# edited")
    assert "changed since the last compile" in lisa("diff", "--env", "prod").err
    explained = lisa("explain", "region", "--env", "prod")
    assert (explained.code, bool(explained.out)) == (0, True)
    assert "changed since the last compile" in explained.err


def test_a_comment_for_a_pull_request(repository: Path, lisa: Lisa) -> None:
    result = lisa("diff", "--env", "prod", "--base", "HEAD", "--format", "markdown")
    assert result.out.startswith("<!-- lisa-diff:prod -->\n")
    assert "`lisa diff --env prod --base HEAD`" in result.out


def test_an_environment_that_the_base_does_not_have_is_new(repository: Path, lisa: Lisa) -> None:
    shutil.copytree(repository / "generated" / "prod", repository / "generated" / "dev")
    assert "New environment: 13 stacks" in lisa("diff", "--env", "dev").out


def test_an_environment_without_output(repository: Path, lisa: Lisa) -> None:
    result = lisa("diff", "--env", "airgap")
    assert (result.code, result.out) == (1, "")
    assert "generated/airgap exists neither in the working tree nor in " in result.err
    assert "Run `lisa compile --env airgap`" in result.err


def test_output_that_is_no_output(repository: Path, lisa: Lisa) -> None:
    (repository / "generated" / "prod" / "cloudformation" / "iam.template.json").write_text("{", encoding="utf-8")
    result = lisa("diff", "--env", "prod")
    assert (result.code, result.err) == (
        1,
        "error: generated/prod has an unexpected format. Run `lisa compile --env prod`.\n",
    )


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("fit.json", "[]"),
        ("gateway/routes.json", "5"),
        ("gateway/routes.json", '{"models": 5}'),
        ("weights.json", "null"),
        ("fit.json", '{"schemaVersion": 1, "models": {"small": 5}, "cost": 5}'),
    ],
)
def test_edited_output_is_a_clear_error(repository: Path, lisa: Lisa, file: str, content: str) -> None:
    path = repository / "generated" / "prod" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    result = lisa("diff", "--env", "prod")
    assert result.code == 1
    assert result.err.startswith("error: generated/prod ")
    assert "Run `lisa compile --env prod`." in result.err


def test_a_folder_without_a_repository(repository: Path, lisa: Lisa) -> None:
    shutil.rmtree(repository / ".git")
    result = lisa("diff", "--env", "prod")
    assert result.code == 1
    assert "git cannot read" in result.err


def test_the_environment_is_that_of_the_configuration(repository: Path, lisa: Lisa) -> None:
    result = lisa("diff")
    assert "generated/dev exists neither" in result.err


def test_a_configuration_that_cannot_be_read(repository: Path, lisa: Lisa) -> None:
    (repository / "config.yaml").write_text("env: [", encoding="utf-8")
    for arguments in (["diff"], ["explain", "region"]):
        result = lisa(*arguments)
        assert result.code == 1
        assert "config.yaml:2:1: error LISA105" in result.err


def test_an_explanation(repository: Path, lisa: Lisa) -> None:
    result = lisa("explain", "region", "--env", "prod")
    assert result.out.startswith("region = us-east-1\n  config.yaml:")


def test_something_that_nobody_knows(repository: Path, lisa: Lisa) -> None:
    result = lisa("explain", "regoin", "--env", "prod")
    assert (result.code, result.out) == (1, "")
    assert "`regoin` is neither a configuration key" in result.err


@pytest.mark.parametrize("arguments", [["diff", "--env", "prod"], ["explain", "region", "--env", "prod"]])
def test_review_imports_neither_cdk_nor_configuration_models(repository: Path, arguments: list[str]) -> None:
    program = (
        "import sys; from lisa_compiler.cli import main\n"
        "slow = ('aws_cdk', 'jsii', 'boto3', 'lisa_schema.models', 'lisa_weights')\n"
        "try: main()\n"
        "finally: print([m for m in slow if m in sys.modules], file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", program, "diff", "--env", "prod"],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert result.stderr == "[]\n"


def test_a_changed_resource_is_shown_with_the_setting_that_changed_it(repository: Path, lisa: Lisa) -> None:
    """Compiled with the program as it is, so that the index knows the output."""
    overlay = repository / "environments" / "prod.yaml"
    text = overlay.read_text(encoding="utf-8")
    overlay.write_text(text.replace("targetValue: 60", "targetValue: 61", 1), encoding="utf-8")
    assert lisa("compile", "--env", "prod", "--no-weights").code == 0
    data = json.loads(lisa("diff", "--env", "prod", "--base", "HEAD", "--format", "json").out)
    settings = {one["logicalId"]: one["settings"] for one in data["resources"]}
    key = "ecsModels[mistral-7b].autoScalingConfig.metricConfig.targetValue"
    assert [difference["path"] for difference in data["settings"]] == [key]
    assert [name for name in settings if "ScalingPolicy" in name], settings
    assert set(map(tuple, settings.values())) <= {(), (key,)}
