"""The workflows of a new repository: who may do what, and where the repository's code runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lisa_compiler.starter.repository import INSTALL
from lisa_compiler.starter.workflows import CHECK, DEPLOY, FOLDER, OWN, WorkflowSettings, workflows

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


@pytest.mark.parametrize("name", [*CHECK, *DEPLOY])
def test_every_action_is_pinned_by_commit(name: str) -> None:
    uses = re.findall(r"uses: (.+)", workflows(TEAM)[f"{FOLDER}/{name}.yml"])
    assert uses
    own = "./.github/workflows/deploy-environment.yml "
    pinned = r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert [use for use in uses if not re.fullmatch(pinned, use) and not use.startswith(own)] == []


def test_a_pull_request_is_validated_compiled_checked_and_told() -> None:
    check = content("check")
    said = commands(check["jobs"]["check"])
    assert set(check[True]) == {"pull_request", "push", "workflow_dispatch"}
    assert "lisa ci check --strict --format github --report report \\" in said
    assert '${BASE:+--base "origin/$BASE"}' in said


@pytest.mark.parametrize("name", [*CHECK, *DEPLOY])
def test_nothing_that_runs_the_repositorys_code_may_write(name: str) -> None:
    workflow = content(name)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        rights = job.get("permissions", workflow["permissions"])
        runs_code = any(line.startswith(("lisa ", "pip ")) for line in commands(job)) if "steps" in job else False
        writes = {right for right, level in rights.items() if level == "write"}
        # Drift is told by the code of the default branch, which was reviewed.
        assert writes <= ({"id-token", "issues"} if name == "drift" else {"id-token"}) or not runs_code


def test_a_fork_gets_no_more_than_the_right_to_read() -> None:
    check = content("check")
    writing = [job for job in check["jobs"].values() if "write" in job.get("permissions", {}).values()]
    assert [job["name"] for job in writing] == ["Comment and code scanning"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in writing[0]["if"]
    assert "pull_request_target" not in workflows(TEAM)[f"{FOLDER}/check.yml"]


def test_an_environment_is_planned_approved_and_deployed_without_a_stored_key() -> None:
    jobs = content("deploy-environment")["jobs"]
    plan, deploy = jobs["plan"], jobs["deploy"]
    # Reviewers are those of the second environment; each has a role of its own.
    assert plan["environment"] == "${{ inputs.environment }}-plan"
    assert deploy["environment"] == "${{ inputs.environment }}"
    assert deploy["needs"] == "plan"
    assert deploy["if"] == "${{ needs.plan.outputs.digest != '' }}"
    for job in (plan, deploy):
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        assert job["steps"][0]["with"]["fetch-depth"] == 0
    assert 'lisa ci plan --env "$ENVIRONMENT" --out plans' in commands(plan)
    assert commands(deploy)[-1] == (
        'lisa ci deploy --env "$ENVIRONMENT" --plan "plans/$ENVIRONMENT.json" --sha256 "$DIGEST"'
    )
    # The digest is the output of a job, and not in the artifact.
    assert deploy["steps"][-1]["env"] == {"DIGEST": "${{ needs.plan.outputs.digest }}"}
    assert not any(re.search(r"secrets\.\w", text) for text in workflows(TEAM).values())


def test_environments_are_deployed_in_order_and_one_run_at_a_time() -> None:
    jobs = content("deploy", replace(TEAM, environments=("dev", "test", "prod")))["jobs"]
    assert list(jobs) == ["deploy-dev", "deploy-test", "deploy-prod"]
    assert jobs["deploy-prod"]["needs"] == ["deploy-dev", "deploy-test"]
    assert "!contains(needs.*.result, 'failure')" in jobs["deploy-prod"]["if"]
    for name, job in jobs.items():
        assert job["concurrency"] == {"group": f"lisa-{name}", "cancel-in-progress": False}
        assert job["with"] == {"environment": name.removeprefix("deploy-")}


@pytest.mark.parametrize(("name", "jobs"), [("deploy", 2), ("drift", 1)])
def test_nothing_is_deployed_before_someone_says_so(name: str, jobs: int) -> None:
    found = [job["if"] for job in content(name)["jobs"].values()]
    assert len(found) == jobs
    assert all("vars.LISA_DEPLOY == 'true'" in condition for condition in found)


def test_drift_is_looked_for_every_day_by_the_role_that_plans() -> None:
    workflow = content("drift")
    job = workflow["jobs"]["drift"]
    assert workflow[True]["schedule"] == [{"cron": "23 5 * * *"}]
    assert job["environment"] == "${{ matrix.environment }}-plan"
    assert commands(job)[-1] == 'lisa ci drift --env "$ENVIRONMENT" --issues'


def test_without_an_environment_only_pull_requests_are_checked() -> None:
    assert {Path(path).stem for path in workflows(replace(TEAM, environments=()))} == set(CHECK)


def run_push(clone: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The job of the workflow compile that pushes."""
    [step] = [step for step in content("compile")["jobs"]["push"]["steps"] if "run" in step]
    (clone.parent / "gh").write_text('#!/bin/sh\necho "gh $*"\n', encoding="utf-8")
    (clone.parent / "gh").chmod(0o755)
    command = ["bash", "-eo", "pipefail", "-c", step["run"]]
    path = f"{clone.parent}:/usr/bin:/bin"
    return subprocess.run(
        command, cwd=clone, env={**variables, "PATH": path}, capture_output=True, text=True, check=False
    )


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("generated/dev/manifest.json", ""),
        (".github/workflows/check.yml", "outside of generated/"),
        ("generated-not/x", "outside of generated/"),
    ],
)
def test_commit_of_the_bot_is_pushed_if_it_changes_compiled_files_alone(
    tmp_path: Path, changed: str, message: str
) -> None:
    remote, work, clone = tmp_path / "remote.git", tmp_path / "work", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(tmp_path, "init", "--quiet", str(work))
    (work / "config.yaml").write_text("one: 1\n", encoding="utf-8")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", "one")
    head = git(work, "rev-parse", "HEAD")
    git(work, "push", "--quiet", str(remote), "HEAD:refs/heads/renovate/lisa")
    git(tmp_path, "clone", "--quiet", "--branch", "renovate/lisa", str(remote), str(clone))
    (work / changed).parent.mkdir(parents=True)
    (work / changed).write_text("compiled\n", encoding="utf-8")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", "build: compile generated/")
    git(work, "bundle", "create", "--quiet", str(tmp_path / "compiled.bundle"), "HEAD^..HEAD")
    variables = {
        "BASE": "main", "BRANCH": "renovate/lisa", "BUNDLE": str(tmp_path / "compiled.bundle"), "HEAD": head
    }  # fmt: skip
    pushed = run_push(clone, variables)
    branch = git(remote, "rev-parse", "refs/heads/renovate/lisa")
    if message:
        assert (pushed.returncode, branch) == (1, head)
        assert message in pushed.stdout
    else:
        assert pushed.returncode == 0, pushed.stderr
        assert branch == git(work, "rev-parse", "HEAD")
        assert "gh workflow run check.yml --ref renovate/lisa --field base=main" in pushed.stdout


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
