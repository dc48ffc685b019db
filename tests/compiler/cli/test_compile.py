"""`lisa compile`: what it writes, says and returns."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from lisa_schema.errors import LisaError

from .conftest import CONFIG, Lisa, Pipeline
from .small_project import edit, read

CERTIFICATE = "restApiConfig.loadBalancerConfig.sslCertIamArn"
CLOSING = re.compile(r"^dev: compiled 2 stacks, 4 files to generated/dev; (.*) \([0-9.]+ s\)$", re.MULTILINE)


def test_writes_the_default_environment(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    result = lisa("compile")
    assert (result.code, result.out) == (0, "")
    assert CLOSING.search(result.err).group(1) == "4 new"  # type: ignore[union-attr]
    assert sorted(read(project / "generated")) == [
        "dev/SUMMARY.md",
        "dev/cloudformation/iam.template.json",
        "dev/containers/entrypoint.sh",
        "dev/manifest.json",
    ]
    assert (project / "generated/dev/SUMMARY.md").read_text() == "test in us-east-1\n"


def test_counts_what_changes(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    lisa("compile")
    edit(project, "us-east-1", "us-west-2")
    assert CLOSING.search(lisa("compile").err).group(1) == "2 changed"  # type: ignore[union-attr]


def test_several_environments_each_once(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    assert lisa("compile", "-e", "prod", "--env", "dev", "-e", "prod").code == 0
    assert sorted(pipeline.compiled) == ["dev", "prod"]


def test_all_environments(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    (project / "environments").mkdir()
    (project / "environments/lab.yaml").write_text(
        "deploymentName: lab\ndeploymentStage: lab\nremovalPolicy: destroy\n"
    )
    assert lisa("compile", "--all").code == 0
    assert sorted(pipeline.compiled) == ["dev", "lab", "prod"]


def test_options_win_and_are_told(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    arguments = [
        "--region",
        "us-west-2",
        "--set",
        "deploymentName=mine",
        "--profile",
        "",
        "--account-number",
        "000000000001",
        "--set",
        f"{CERTIFICATE}=arn:aws:iam::000000000001:server-certificate/lisa",
    ]
    assert lisa("compile", *arguments).code == 0
    assert (project / "generated/dev/SUMMARY.md").read_text() == "mine in us-west-2\n"
    manifest = json.loads((project / "generated/dev/manifest.json").read_text())
    assert manifest["options"] == {
        "--account-number": "000000000001",
        "--region": "us-west-2",
        "--set deploymentName": "mine",
        f"--set {CERTIFICATE}": "arn:aws:iam::000000000001:server-certificate/lisa",
    }


def test_the_output_may_be_elsewhere(lisa: Lisa, project: Path, pipeline: Pipeline, tmp_path: Path) -> None:
    assert lisa("compile", "--output", str(tmp_path / "out")).code == 0
    assert (tmp_path / "out/dev/manifest.json").is_file()
    assert not (project / "generated").exists()


def test_the_project_may_be_elsewhere(
    lisa: Lisa, project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    assert "to project/generated/dev;" in lisa("compile", "--project", "project").err
    edit(project, "region:", "regoin:")
    assert lisa("compile", "--project", "project").err.startswith("project/config.yaml:")


def test_the_same_options_and_another_folder_give_the_same_bytes(
    lisa: Lisa, project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    lisa("compile", "--all")
    shutil.copytree(project, project.parent / "elsewhere", ignore=shutil.ignore_patterns("generated"))
    monkeypatch.chdir(project.parent / "elsewhere")
    lisa("compile", "--all")
    assert read(project / "generated") == read(project.parent / "elsewhere/generated")


def test_mistakes_of_all_environments_come_at_once_and_nothing_is_written(
    lisa: Lisa, project: Path, pipeline: Pipeline
) -> None:
    lisa("compile", "--all")
    before = read(project / "generated")
    edit(project, "deploymentStage: dev", "deploymentStgae: dev")
    edit(project, "removalPolicy: retain", "removalPolicy: keep")
    edit(project, "us-east-1", "us-west-2")
    pipeline.compiled.clear()
    result = lisa("compile", "--all")
    assert result.code == 1
    assert "deploymentStgae" in result.err
    assert "fix:" in result.err
    assert "removalPolicy: keep\n" in result.err
    assert pipeline.compiled == []
    assert read(project / "generated") == before


def test_a_failed_first_compile_leaves_nothing(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    edit(project, "region: us-east-1", "region: mars-north-1")
    assert lisa("compile").code == 1
    assert not (project / "generated").exists()


def test_an_unknown_environment_names_those_there_are(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    result = lisa("compile", "--env", "prdo")
    assert result.code == 1
    assert "Environments: dev, prod." in result.err


def test_a_bad_option_is_a_diagnostic(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    result = lisa("compile", "--set", "nonsense", "--set", "a[=1")
    assert result.code == 1
    assert "2 errors" in result.err


def test_env_and_all_exclude_each_other(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    result = lisa("compile", "--all", "--env", "dev")
    assert result.code == 2
    assert "mutually exclusive" in result.err


def test_what_else_a_user_can_cause_is_one_line(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    pipeline.failure = LisaError("images/tgi.tar is not in the project. Put it there.")
    result = lisa("compile")
    assert (result.code, result.err) == (1, "error: images/tgi.tar is not in the project. Put it there.\n")


def test_foreign_files_are_not_replaced(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    (project / "generated/dev").mkdir(parents=True)
    (project / "generated/dev/mine.txt").write_text("mine")
    result = lisa("compile")
    assert result.code == 1
    assert "was not created by LISA" in result.err
    assert (project / "generated/dev/mine.txt").read_text() == "mine"


def test_check_of_current_output(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    lisa("compile", "--all")
    before = read(project / "generated")
    result = lisa("compile", "--all", "--check")
    assert (result.code, result.out) == (0, "")
    assert "dev: generated/dev is up to date" in result.err
    assert read(project / "generated") == before


def test_check_of_stale_output_shows_a_diff_and_writes_nothing(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    lisa("compile")
    before = read(project / "generated")
    edit(project, "us-east-1", "us-west-2")
    result = lisa("compile", "--check")
    assert result.code == 3
    assert result.out.startswith(
        "diff --git a/generated/dev/SUMMARY.md b/generated/dev/SUMMARY.md\n"
        "--- a/generated/dev/SUMMARY.md\n"
        "+++ b/generated/dev/SUMMARY.md\n"
        "@@ -1 +1 @@\n"
        "-test in us-east-1\n"
        "+test in us-west-2\n"
    )
    assert "dev: generated/dev is out of date: 2 changed; run `lisa compile --env dev`" in result.err
    assert read(project / "generated") == before


def test_check_where_there_is_no_output_yet(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    result = lisa("compile", "--check")
    assert result.code == 3
    assert "new file mode 100755\n--- /dev/null\n+++ b/generated/dev/containers/entrypoint.sh" in result.out
    assert not (project / "generated").exists()


def test_check_compiles_in_full(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    lisa("compile")
    pipeline.extra["new.txt"] = b"the compiler has learned something"
    assert lisa("compile").code == 0
    assert lisa("compile", "--check").code == 3


def test_check_with_a_mistake_is_a_mistake(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    edit(project, "region:", "regoin:")
    assert lisa("compile", "--check").code == 1


@pytest.mark.parametrize("form", ["json", "github", "sarif"])
def test_check_for_machines_reports_staleness_as_a_diagnostic(
    lisa: Lisa, project: Path, pipeline: Pipeline, form: str
) -> None:
    result = lisa("compile", "--check", "--format", form)
    assert result.code == 3
    assert "LISA491" in result.out
    assert "generated/dev/manifest.json" in result.out
    if form != "github":
        json.loads(result.out)


def test_output_of_an_environment_that_is_gone(lisa: Lisa, project: Path, pipeline: Pipeline) -> None:
    lisa("compile", "--all")
    (project / "config.yaml").write_text(CONFIG[: CONFIG.index("prod:")])
    result = lisa("compile", "--all")
    assert result.code == 0
    assert "output-orphaned" in result.err
    assert "git rm -r generated/prod" in result.err
    assert (project / "generated/prod/manifest.json").is_file()
    assert lisa("compile", "--all", "--check").code == 3
    assert lisa("compile", "--env", "dev", "--check").code == 0
