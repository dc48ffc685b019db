"""The workflows of a new repository: who may do what, and where the repository's code runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lisa_compiler.starter.repository import INSTALL
from lisa_compiler.starter.workflows import FOLDER, OWN, WorkflowSettings, workflows

TEAM = WorkflowSettings(
    header="Made for a test.",
    environments=("dev", "prod"),
    install=INSTALL,
    lisa="lisa",
    strict=True,
    own_tests=False,
)


def content(name: str, settings: WorkflowSettings = TEAM) -> Any:
    return yaml.safe_load(workflows(settings)[f"{FOLDER}/{name}.yml"])


def commands(job: Any) -> list[str]:
    return [line.strip() for step in job["steps"] for line in step.get("run", "").splitlines()]


@pytest.mark.parametrize("name", ["check", "deploy"])
def test_every_action_is_pinned_by_commit(name: str) -> None:
    uses = re.findall(r"uses: (.+)", workflows(TEAM)[f"{FOLDER}/{name}.yml"])
    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


def test_a_pull_request_is_validated_compiled_checked_and_told() -> None:
    check = content("check")
    said = commands(check["jobs"]["check"])
    assert set(check[True]) == {"pull_request", "push"}
    assert "lisa validate --all --format github" in said
    assert "lisa compile --all --check --strict --format github" in said
    assert "lisa policy --all --strict --format github --sarif report/policy.sarif" in said
    assert any(
        line.startswith('lisa diff --env "$environment" --base "origin/$BASE" --format markdown') for line in said
    )


def test_nothing_that_runs_the_repositorys_code_may_write() -> None:
    for name in ("check", "deploy"):
        workflow = content(name)
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            rights = job.get("permissions", workflow["permissions"])
            runs_code = any(line.startswith(("lisa ", "pip ")) for line in commands(job))
            writes = {right for right, level in rights.items() if level == "write"}
            assert writes <= {"id-token"} or not runs_code


def test_a_fork_gets_no_more_than_the_right_to_read() -> None:
    check = content("check")
    writing = [job for job in check["jobs"].values() if "write" in job.get("permissions", {}).values()]
    assert [job["name"] for job in writing] == ["Comment and code scanning"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in writing[0]["if"]
    assert "pull_request_target" not in workflows(TEAM)[f"{FOLDER}/check.yml"]


def test_an_environment_is_deployed_after_its_approval_and_without_a_stored_key() -> None:
    text = workflows(TEAM)[f"{FOLDER}/deploy.yml"]
    deploy = content("deploy")["jobs"]["deploy"]
    said = commands(deploy)
    assert deploy["environment"] == "${{ matrix.environment }}"
    assert deploy["strategy"]["max-parallel"] == 1
    assert deploy["permissions"] == {"contents": "read", "id-token": "write"}
    assert said.index('lisa compile --env "$ENVIRONMENT" --check') < said.index(
        'lisa artifacts publish --env "$ENVIRONMENT"'
    )
    assert said[-1] == 'lisa deploy --env "$ENVIRONMENT" --yes ${DESTROY:+"$DESTROY"}'
    assert deploy["steps"][-1]["env"] == {"DESTROY": "${{ inputs.destroy && '--allow-destroy' || '' }}"}
    assert "secrets." not in text


def test_nothing_is_deployed_before_someone_says_so() -> None:
    assert content("deploy")["jobs"]["changed"]["if"] == "${{ vars.LISA_DEPLOY == 'true' }}"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    for name in ("dev", "prod"):
        (tmp_path / "generated" / name).mkdir(parents=True)
        (tmp_path / "generated" / name / "manifest.json").write_text("{}", encoding="utf-8")
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    (tmp_path / "generated/prod/manifest.json").write_text("{ }", encoding="utf-8")
    git("commit", "--quiet", "--all", "--message", "two")
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "before", "expected"),
    [
        ("", "HEAD~1", 'environments=["prod"]'),
        ("", "HEAD", "environments=[]"),
        ("", "0" * 40, 'environments=["dev","prod"]'),
        ("dev", "", 'environments=["dev"]'),
    ],
)
def test_what_has_changed_is_deployed(history: Path, asked: str, before: str, expected: str) -> None:
    [step] = [step for step in content("deploy")["jobs"]["changed"]["steps"] if step.get("id") == "changed"]
    variables = {"ASKED": asked, "BEFORE": before, "ENVIRONMENTS": "dev prod", "GITHUB_SHA": "HEAD"}
    output = history / "output"
    result = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        cwd=history,
        env={**variables, "GITHUB_OUTPUT": str(output), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == output.read_text(encoding="utf-8").strip() == expected


GH = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$LOG"
case "$MARKER $*" in "<!-- lisa-diff:dev --> "*--jq*) printf '%s' "$KNOWN" ;; esac
"""


@pytest.mark.parametrize(
    ("known", "changed", "call"),
    [
        ("", "dev\n", "repos/o/r/issues/7/comments --field body=@report/diff-dev.md"),
        ("42", "dev\n", "--method PATCH repos/o/r/issues/comments/42 --field body=@report/diff-dev.md"),
        ("42", "", "--method PATCH repos/o/r/issues/comments/42 --field body=@report/diff-dev.md"),
        ("", "devel\n", "--jq"),
    ],
)
def test_an_environment_that_changes_gets_one_comment_which_is_kept_right(
    tmp_path: Path, known: str, changed: str, call: str
) -> None:
    step = next(step for step in content("check")["jobs"]["report"]["steps"] if "GH_TOKEN" in step.get("env", {}))
    (tmp_path / "report").mkdir()
    (tmp_path / "report/diff-dev.md").write_text("<!-- lisa-diff:dev -->\nNothing.\n", encoding="utf-8")
    if changed:
        (tmp_path / "report/changed").write_text(changed, encoding="utf-8")
    (tmp_path / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)
    variables = {"NUMBER": "7", "GITHUB_REPOSITORY": "o/r", "KNOWN": known, "LOG": str(tmp_path / "log")}
    environment = {**variables, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = ["bash", "-eo", "pipefail", "-c", step["run"]]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    last = (tmp_path / "log").read_text(encoding="utf-8").splitlines()[-1]
    assert call in last


@pytest.mark.parametrize("settings", [OWN, TEAM], ids=["own", "team"])
@pytest.mark.parametrize(
    "tool", [("actionlint", "-pyflakes="), ("zizmor", "--offline", "--quiet")], ids=lambda tool: tool[0]
)
def test_linters_find_nothing(tmp_path: Path, tool: tuple[str, ...], settings: WorkflowSettings) -> None:
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    program = shutil.which(tool[0], path=beside)
    if program is None:
        pytest.skip(f"{tool[0]} is not installed")
    for path, text in workflows(settings).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    command = [program, *tool[1:], *(str(tmp_path / path) for path in workflows(settings))]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
