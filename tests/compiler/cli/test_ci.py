"""`lisa ci check` and `compile`: other commands in order, with their exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lisa_compiler.cli.invocation import Invocation

from .conftest import Lisa, Pipeline
from .small_project import edit


def git(project: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(project: Path, pipeline: Pipeline, lisa: Lisa, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project, compiled and committed."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_RUN_ID", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    (project / ".gitignore").write_text("generated/.*\n/report/\n")
    assert lisa("compile", "--all").code == 0
    git(project, "init", "--quiet", "--initial-branch", "main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "first")
    return project


@pytest.fixture
def _no_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small project has no templates to check and compare: `lisa policy` and `lisa diff` have their own tests."""
    from lisa_compiler.cli import ci

    real = ci.run_lisa

    def run(invocation: Invocation, *given: str) -> int:
        if given[0] == "diff":
            sys.stdout.write(f"<!-- lisa-diff:{given[2]} -->\n")
        return 0 if given[0] in {"policy", "diff"} else real(invocation, *given)

    monkeypatch.setattr(ci, "run_lisa", run)


@pytest.mark.usefixtures("_no_policy")
def test_check_passes_for_what_is_compiled(repository: Path, lisa: Lisa) -> None:
    result = lisa("ci", "check")
    assert result.code == 0, result.err
    assert "$ lisa validate --all --format text" in result.err
    assert "$ lisa compile --all --check --format text" in result.err
    assert (repository / "report").is_dir()


@pytest.mark.usefixtures("_no_policy")
def test_check_exits_with_3_when_only_output_is_out_of_date(repository: Path, lisa: Lisa) -> None:
    edit(repository, "region: us-east-1", "region: us-west-2")
    assert lisa("ci", "check").code == 3


def test_check_runs_every_step_and_an_error_wins(repository: Path, lisa: Lisa, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(repository, "region: us-east-1", "region: us-west-2")
    from lisa_compiler.cli import ci

    ran = []

    def run(_: object, *given: str) -> int:
        ran.append(given[0])
        return {"validate": 0, "compile": 3, "policy": 1}[given[0]]

    monkeypatch.setattr(ci, "run_lisa", run)
    assert lisa("ci", "check").code == 1
    assert ran == ["validate", "compile", "policy"]


@pytest.mark.usefixtures("_no_policy")
def test_check_reports_the_impact_on_each_environment(
    repository: Path, lisa: Lisa, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "branch", "base")
    edit(repository, "  deploymentName: live", "  deploymentName: other")
    assert lisa("compile", "--all").code == 0
    git(repository, "commit", "--quiet", "--all", "--message", "second")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    result = lisa("ci", "check", "--base", "base")
    assert result.code == 0, result.err
    assert (repository / "report/changed").read_text() == "prod\n"
    for name in ("dev", "prod"):
        text = (repository / f"report/diff-{name}.md").read_text()
        assert text.startswith(f"<!-- lisa-diff:{name} -->")
        assert text in (tmp_path / "summary").read_text()
    unknown = lisa("ci", "check", "--base", "no-such")
    assert unknown.code == 1
    assert "--base no-such is not a known commit" in unknown.err


def test_compile_commits_the_output_once(repository: Path, lisa: Lisa) -> None:
    edit(repository, "region: us-east-1", "region: us-west-2")
    refused = lisa("ci", "compile")
    assert refused.code == 1
    assert "config.yaml\nNothing was committed." in refused.err
    git(repository, "commit", "--quiet", "--all", "--message", "source")
    made = lisa("ci", "compile")
    assert made.code == 0, made.err
    assert git(repository, "log", "-1", "--format=%s") == "build: compile generated/"
    assert git(repository, "status", "--porcelain") == ""
    assert lisa("compile", "--all", "--check").code == 0
    head = git(repository, "rev-parse", "HEAD")
    again = lisa("ci", "compile")
    assert (again.code, git(repository, "rev-parse", "HEAD")) == (0, head)
    assert "nothing was committed" in again.err


def test_compile_of_a_wrong_configuration_commits_nothing(repository: Path, lisa: Lisa) -> None:
    edit(repository, "region: us-east-1", "region: nowhere")
    git(repository, "commit", "--quiet", "--all", "--message", "wrong")
    head = git(repository, "rev-parse", "HEAD")
    result = lisa("ci", "compile")
    assert (result.code, git(repository, "rev-parse", "HEAD")) == (1, head)


@pytest.mark.parametrize("arguments", [("--sha256", "0" * 64), ("--sha256", "")])
def test_deployment_without_the_plan_is_refused(repository: Path, lisa: Lisa, arguments: tuple[str, ...]) -> None:
    assert repository
    result = lisa("ci", "deploy", "--env", "prod", *arguments)
    assert result.code == 1
    assert "plans/prod.json is not the plan that was approved" in result.err
    assert lisa("ci", "deploy", "--env", "prod", "--sha256", "none").code == 0
    assert lisa("ci", "deploy", "--env", "prod").code == 2


def test_merge_driver_takes_what_git_passes_alone(repository: Path, lisa: Lisa) -> None:
    assert repository
    for arguments in ((), ("a", "b"), ("a", "b", "c", "d", "--install"), ("--install", "--finish")):
        assert lisa("merge-driver", *arguments).code == 2
    assert lisa("merge-driver", "--finish").err == "no merge is to be finished\n"
