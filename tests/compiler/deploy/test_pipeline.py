"""`lisa ci` on a local AWS that refuses what the roles of the pipeline do not allow, with the real `cdk` CLI."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compiler.ci.test_github import Hub

from lisa_compiler.resources import templates_dir
from lisa_compiler.starter.pipelines import Pipeline
from permissions.pipeline_template import VALUES, documents, template

from .enforcing_proxy import Enforced, enforcing
from .site import TOOLS, Result, Site, edit

pytestmark = [
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.skipif(shutil.which("cdk", path=TOOLS) is None, reason="there is no cdk CLI: make deployment-parts"),
]

DECLARED = yaml.safe_load((templates_dir() / "pipelines/aws_calls.yaml").read_text(encoding="utf-8"))


def git(project: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", "-C", project, *identity, *arguments], check=True)


def policies(name: str) -> Any:
    return documents(template(Pipeline.GITHUB)["Resources"][name])


def lisa(site: Site, *arguments: str, **environment: str) -> Result:
    """A command as it is written, without the options that `Site.lisa` adds."""
    command = [sys.executable, "-m", "lisa_compiler", *arguments]
    done = subprocess.run(
        command, cwd=site.folder, env={**site.variables(), **environment}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def repository(site: Site) -> Site:
    """The example environment, deployed by an administrator, and a commit that is not deployed yet."""
    bootstrapped = site.lisa("bootstrap", "--yes")
    assert bootstrapped.code == 0, bootstrapped.err
    for asset in site.assets("dockerImages"):
        for place in asset["destinations"].values():
            site.push_image(place["repositoryName"], place["imageTag"])
    shutil.copy(templates_dir() / "starter/gitignore", site.folder / ".gitignore")
    git(site.folder, "init", "--quiet")
    git(site.folder, "add", "--all")
    git(site.folder, "commit", "--quiet", "--message", "first")
    deployed = site.lisa("deploy", "--yes")
    assert deployed.code == 0, deployed.err
    return site


@pytest.fixture(scope="module")
def hub() -> Iterator[dict[str, str]]:
    """Variables that lead to a stand-in for GitHub's API."""
    Hub.issues, Hub.calls, Hub.refuse = [], [], 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/api"
    yield {"GITHUB_API_URL": address, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "secret"}
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def planner(repository: Site) -> Iterator[tuple[Site, Enforced]]:
    with enforcing(repository.aws, policies("PlanRole")) as role:
        yield replace(repository, aws=role.url), role


@pytest.fixture(scope="module")
def deployer(repository: Site) -> Iterator[tuple[Site, Enforced]]:
    with enforcing(repository.aws, policies("DeployRole")) as role:
        yield replace(repository, aws=role.url), role


def test_environment_that_is_deployed_needs_no_plan(planner: tuple[Site, Enforced]) -> None:
    site, _ = planner
    made = lisa(site, "ci", "plan", "--env", "dev")
    assert made.code == 0, made.err
    assert json.loads(made.out) == {}
    assert (site.folder / "plans/dev.env").read_text() == "LISA_PLANNED=false\nLISA_PLAN_SHA256=none\n"
    nothing = lisa(site, "ci", "deploy", "--env", "dev", "--sha256", "none")
    assert (nothing.code, nothing.err) == (0, "dev: nothing was planned, nothing is deployed\n")


@pytest.fixture(scope="module")
def planned(planner: tuple[Site, Enforced], tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, str]:
    """A change that was merged, and its plan."""
    site, _ = planner
    edit(site.folder / "config.yaml", "        maxCapacity: 1\n", "        maxCapacity: 2\n")
    assert site.lisa("compile").code == 0
    git(site.folder, "commit", "--quiet", "--all", "--message", "three")
    folder = tmp_path_factory.mktemp("github")
    variables = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    made = lisa(site, "ci", "plan", "--env", "dev", **variables)
    assert made.code == 0, made.err
    digest = json.loads(made.out)["dev"]
    assert (folder / "output").read_text() == f'planned=["dev"]\ndigest={digest}\n'
    assert (folder / "summary").read_text().strip() == (site.folder / "plans/dev.md").read_text().strip()
    return site, digest


def test_plan_says_what_a_reviewer_has_to_know(planned: tuple[Site, str]) -> None:
    site, digest = planned
    text = (site.folder / "plans/dev.md").read_text()
    assert text.startswith("<!-- lisa-plan:dev -->\n### dev: update 1 stack\n")
    assert re.search(r"Why: `commit [0-9a-f]{12} is deployed`\n", text)
    assert "| model-mistral7b | **update** | 1 changed |" in text or "| model-mistral7b | **update** |" in text
    assert "Modify Group" in text or "Modify " in text
    assert "maxCapacity" in text or "MaxSize" in text
    assert digest in text


def test_role_that_plans_allows_what_planning_calls_and_no_more(
    planned: tuple[Site, str], planner: tuple[Site, Enforced], hub: dict[str, str]
) -> None:
    site, role = planner
    assert planned
    drift = lisa(site, "ci", "drift", "--env", "dev", "--issues", **hub)
    assert drift.code == 3, drift.err
    (issue,) = Hub.issues
    assert (issue["title"], issue["state"]) == ("dev has drifted", "open")
    assert issue["body"] == (site.folder / "drift/dev.md").read_text()
    assert "change not deployed" in (site.folder / "drift/dev.md").read_text()
    status = lisa(site, "status", "--env", "dev")
    assert status.code == 0, status.err
    # The cdk CLI and LISA try the roles of the bootstrap first, and go on without.
    assert {asked.action for asked in role.denied} == {"sts:AssumeRole"}
    assert {name(asked.on) for asked in role.denied} <= {"deploy", "file-publishing", "image-publishing"}
    undeclared = {asked.action for asked in role.allowed} - set(DECLARED["plan"])
    assert undeclared == set()
    unused = set(DECLARED["plan"]) - {asked.action for asked in role.allowed}
    assert unused == set()


def name(role: str) -> str:
    found = re.search(rf"cdk-{VALUES['Qualifier']}-(.*)-role-", role)
    return found[1] if found else role


def test_role_that_plans_cannot_deploy(planned: tuple[Site, str]) -> None:
    site, digest = planned
    before = site.client("cloudformation").describe_stacks(StackName="demo-lisa-model-mistral7b-dev")["Stacks"][0]
    refused = lisa(site, "ci", "deploy", "--env", "dev", "--sha256", digest, "--no-verify")
    assert refused.code == 1
    assert "dynamodb:PutItem" in refused.err
    after = site.client("cloudformation").describe_stacks(StackName="demo-lisa-model-mistral7b-dev")["Stacks"][0]
    assert after.get("LastUpdatedTime") == before.get("LastUpdatedTime")


def test_another_plan_than_the_approved_one_is_refused(
    planned: tuple[Site, str], deployer: tuple[Site, Enforced]
) -> None:
    site, digest = deployer[0], planned[1]
    plan = site.folder / "plans/dev.json"
    content = plan.read_bytes()
    plan.write_bytes(content.replace(b'"made_by"', b'"made_by" '))
    refused = lisa(site, "ci", "deploy", "--env", "dev", "--sha256", digest, "--no-verify")
    assert refused.code == 1
    assert "is not the plan that was approved" in refused.err
    plan.write_bytes(content)


def test_approved_plan_is_applied_by_the_role_that_deploys(
    planned: tuple[Site, str], deployer: tuple[Site, Enforced]
) -> None:
    digest = planned[1]
    site, role = deployer
    applied = lisa(site, "ci", "deploy", "--env", "dev", "--sha256", digest, "--no-verify")
    assert applied.code == 0, applied.err
    assert role.denied == set()
    assert {asked.action for asked in role.allowed} <= set(DECLARED["deploy"])
    (latest, *_) = json.loads(lisa(site, "status", "--env", "dev", "--format", "json").out)["records"]
    assert (latest["command"], latest["result"]) == ("deploy", "succeeded")
    again = lisa(site, "ci", "deploy", "--env", "dev", "--sha256", digest, "--no-verify")
    assert again.code == 1
    assert "The plan can no longer be applied" in again.err


def test_nothing_is_lost_when_a_run_is_canceled(
    planner: tuple[Site, Enforced], deployer: tuple[Site, Enforced]
) -> None:
    """Two merges, of which the first was never deployed: the plan of the second has both."""
    site, _ = planner
    edit(site.folder / "config.yaml", "        maxCapacity: 2\n", "        maxCapacity: 3\n")
    assert site.lisa("compile").code == 0
    git(site.folder, "commit", "--quiet", "--all", "--message", "four, whose run was canceled")
    (site.folder / "notes.md").write_text("A change without output.\n")
    git(site.folder, "add", "notes.md")
    git(site.folder, "commit", "--quiet", "--message", "notes")
    made = lisa(site, "ci", "plan", "--env", "dev")
    assert made.code == 0, made.err
    digest = json.loads(made.out)["dev"]
    assert lisa(deployer[0], "ci", "deploy", "--env", "dev", "--sha256", digest, "--no-verify").code == 0
    assert json.loads(lisa(site, "ci", "plan", "--env", "dev").out) == {}


def test_issue_is_closed_when_the_account_matches_again(planner: tuple[Site, Enforced], hub: dict[str, str]) -> None:
    site, _ = planner
    drift = lisa(site, "ci", "drift", "--issues", **hub)
    assert drift.code == 0, drift.err
    assert [issue["state"] for issue in Hub.issues] == ["closed"]
    assert "no drift" in (site.folder / "drift/dev.md").read_text()
