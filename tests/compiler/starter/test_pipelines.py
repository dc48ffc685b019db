"""The files of pipelines: valid for the system that runs them, and without logic of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lisa_compiler.starter.pipelines import CODEPIPELINE, ROLES, Pipeline
from permissions.pipeline_template import files, template

GROOVY = Path.home() / ".m2/repository/org/apache/groovy/groovy"


def program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def written(folder: Path, path: str, text: str) -> Path:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (Pipeline.GITLAB, {".gitlab-ci.yml", ROLES}),
        (Pipeline.JENKINS, {"Jenkinsfile", ROLES}),
        (Pipeline.CODEPIPELINE, {CODEPIPELINE}),
    ],
)
def test_system_gets_its_own_files_alone(system: Pipeline, expected: set[str]) -> None:
    assert set(files(system)) == expected


def test_github_has_the_roles_beside_its_workflows() -> None:
    assert {Path(path).name for path in files(Pipeline.GITHUB)} == {
        "check.yml", "compile.yml", "deploy-environment.yml", "deploy.yml", "drift.yml", "roles.yaml"
    }  # fmt: skip


def gitlab() -> Any:
    return yaml.safe_load(files(Pipeline.GITLAB)[".gitlab-ci.yml"])


def test_gitlab_accepts_its_file(tmp_path: Path) -> None:
    place = written(tmp_path, ".gitlab-ci.yml", files(Pipeline.GITLAB)[".gitlab-ci.yml"])
    command = [sys.executable, "-P", "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(place)]
    command += ["--data-transform", "gitlab-ci"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_gitlab_deploys_by_hand_one_at_a_time_what_was_planned() -> None:
    jobs = gitlab()
    for name in ("dev", "prod"):
        plan, deploy = jobs[f"plan-{name}"], jobs[f"deploy-{name}"]
        assert plan["resource_group"] == deploy["resource_group"] == f"lisa-{name}"
        assert deploy["needs"] == [{"job": f"plan-{name}", "artifacts": True}]
        assert plan["artifacts"]["reports"] == {"dotenv": f"plans/{name}.env"}
        assert deploy["environment"] == {"name": name}
    assert jobs[".deploy"]["rules"] == [
        {"if": '$CI_COMMIT_BRANCH == "main" && $CI_PIPELINE_SOURCE != "schedule"', "when": "manual"}
    ]
    assert '--sha256 "$LISA_PLAN_SHA256"' in jobs[".deploy"]["script"][-1]


@pytest.mark.parametrize("system", list(Pipeline))
def test_templates_are_valid_for_cloudformation(tmp_path: Path, system: Pipeline) -> None:
    path = CODEPIPELINE if system is Pipeline.CODEPIPELINE else ROLES
    place = written(tmp_path, path, files(system)[path])
    result = subprocess.run(
        [program("cfn-lint"), "--non-zero-exit-code", "warning", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_checkov_finds_nothing(tmp_path: Path) -> None:
    checkov = Path(sys.prefix) / "checkov/bin/checkov"
    if not checkov.exists():
        pytest.skip("checkov is not installed: make check-templates")
    skipped = {
        "CKV_AWS_18": "the bucket of artifacts has no other bucket to log to",
        "CKV_AWS_316": "images are built by Docker in the build that deploys",
    }
    for system in Pipeline:
        path = CODEPIPELINE if system is Pipeline.CODEPIPELINE else ROLES
        written(tmp_path, f"{system.value}/{Path(path).name}", files(system)[path])
    command = [str(checkov), "--directory", ".", "--framework", "cloudformation", "--quiet", "--compact"]
    command += ["--skip-download", "--skip-check", ",".join(skipped), "--output", "json"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = json.loads(result.stdout)
    assert found["summary"]["passed"] > 0
    failed = found["results"]["failed_checks"]
    assert [(each["check_id"], each["file_path"], each["resource"]) for each in failed] == []


def test_codepipeline_approves_between_plan_and_deployment() -> None:
    for kind, mode in (("V2", "QUEUED"), ("V1", None)):
        properties = template(Pipeline.CODEPIPELINE, PipelineType=kind)["Resources"]["Pipeline"]["Properties"]
        assert properties.get("ExecutionMode") == mode
        actions = properties["Stages"][-1]["Actions"]
        assert [(action["Name"], action["RunOrder"]) for action in actions] == [
            ("Plan", 1), ("Approve", 2), ("Deploy", 3)
        ]  # fmt: skip
        given = json.loads(actions[-1]["Configuration"]["EnvironmentVariables"])
        assert given == [{"name": "LISA_PLAN_SHA256", "value": "#{Plan.LISA_PLAN_SHA256}", "type": "PLAINTEXT"}]


@pytest.mark.parametrize(
    ("source", "provider"), [("CodeCommit", "CodeCommit"), ("S3", "S3"), ("Connection", "CodeStarSourceConnection")]
)
def test_codepipeline_reads_the_source_that_was_chosen(source: str, provider: str) -> None:
    made = template(Pipeline.CODEPIPELINE, Source=source)
    (action,) = made["Resources"]["Pipeline"]["Properties"]["Stages"][0]["Actions"]
    assert action["ActionTypeId"]["Provider"] == provider
    assert made["Conditions"]["LooksForDrift"] is (source != "Connection")


def test_builds_ask_nothing_of_the_internet() -> None:
    resources = template(Pipeline.CODEPIPELINE)["Resources"]
    projects = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::CodeBuild::Project"]
    assert len(projects) == 3
    for project in projects:
        commands = yaml.safe_load(project["Source"]["BuildSpec"])["phases"]["build"]["commands"]
        assert not any(re.search(r"\b(pip|npm|curl|apt)\b", command) for command in commands)
        assert project["Environment"]["ImagePullCredentialsType"] == "SERVICE_ROLE"


def test_groovy_parses_the_jenkinsfile(tmp_path: Path) -> None:
    jars = sorted(GROOVY.glob("*/groovy-[0-9]*.jar"))
    java = shutil.which("java")
    if not jars or java is None:
        pytest.skip(
            "the parser of Groovy is not installed: mvn dependency:get -Dartifact=org.apache.groovy:groovy:4.0.24"
        )
    place = written(tmp_path, "Jenkinsfile", files(Pipeline.JENKINS)["Jenkinsfile"])
    program = written(
        tmp_path,
        "Parse.java",
        "public class Parse { public static void main(String[] given) throws Exception {"
        ' new groovy.lang.GroovyShell().parse(new java.io.File(given[0])); System.out.println("parsed"); } }',
    )
    command = [java, "-cp", str(jars[-1]), str(program), str(place)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout == "parsed\n", result.stderr
    broken = written(tmp_path, "Broken", place.read_text()[:-4])
    assert subprocess.run([*command[:-1], str(broken)], capture_output=True, check=False).returncode != 0


def test_jenkins_locks_an_environment_and_asks_before_it_deploys() -> None:
    text = files(Pipeline.JENKINS)["Jenkinsfile"]
    for number, name in enumerate(("dev", "prod"), 1):
        assert f"options {{ lock(resource: 'lisa-{name}') }}" in text
        assert f'--plan plans/{name}.json --sha256 "$LISA_PLAN_{number}"' in text
        assert text.index(f"stage('plan {name}')") < text.index(f"stage('approve {name}')")
    assert "disableConcurrentBuilds()" in text


@pytest.mark.parametrize("system", list(Pipeline))
def test_commands_are_those_that_lisa_has(system: Pipeline) -> None:
    text = "\n".join(files(system).values())
    used = set(re.findall(r"\bci (check|plan|deploy|drift|compile)\b", text))
    assert used >= {"plan", "deploy", "drift"}
    known = "check|plan|deploy|drift|compile"
    assert re.findall(rf'(?:\blisa|"\$LISA") ci (?!{known})\w+', text) == []
