"""Facts: the file that carries them, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import Project
from tests.compiler.deploy.strict_aws import DENIED, StrictAws
from typer.testing import CliRunner, Result

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.cli.app import app
from lisa_compiler.compile import ami_lock
from lisa_compiler.deploy import preflight

from . import healthy as account
from .conftest import LOCK, Examine
from .healthy import SECRET, STANDARD, healthy

pytestmark = pytest.mark.filterwarnings("ignore:.*does not match an error shape")

SMALL = {"service-quotas:ListServiceQuotas": account.quotas({"L-1216C47A": 64, "L-DB2E81BA": 4})}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project with pinned AMIs, compiled by the command."""
    project = Project(tmp_path_factory.mktemp("project")).write()
    ami_lock.save(project.folder, "dev", LOCK)
    result = CliRunner().invoke(app, ["compile", "--project", str(project.folder)])
    assert result.exit_code == 0, result.output
    return project


def doctor(project: Project, *arguments: str, answers: dict[str, Any] | None = None) -> Result:
    cleared = dict.fromkeys(("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"))
    with StrictAws({**healthy(), **(answers or {})}) as aws:
        given = ["doctor", "--project", str(project.folder), *arguments]
        result = CliRunner().invoke(app, given, env={**cleared, **aws.environment})
        asked = {name for name, _ in aws.requests}
    assert aws.problems == []
    verbs = {name.partition(":")[2] for name in asked}
    assert all(verb.startswith(("Get", "List", "Describe", "Head")) for verb in verbs), verbs
    if "--facts" in arguments:
        assert asked == set()
    return result


def test_the_facts_of_a_file_are_those_of_the_account(examine: Examine, tmp_path: Path) -> None:
    for answers in (
        {},
        SMALL,
        {"ec2:DescribeImages": DENIED},
        {"iam:GetServerCertificate": account.no_such("NoSuchEntity")},
    ):
        facts = examine(answers).facts
        file = tmp_path / "facts.json"
        file.write_text(preflight.render_facts(facts))
        assert preflight.load_facts(file) == facts


def test_a_file_of_facts_has_no_secret(examine: Examine) -> None:
    secretive = {
        "ssm:GetParameters": {"Parameters": [{"Name": "/our/ami", "Value": SECRET, "Version": 1}]},
        "dynamodb:ListTables": {"TableNames": [SECRET]},
        "secretsmanager:ListSecrets": {"SecretList": [{"Name": SECRET, "Description": SECRET}]},
        "logs:DescribeLogGroups": {"logGroups": [{"logGroupName": SECRET}]},
    }
    found = examine({**secretive, "ec2:DescribeVpcs": account.no_such("Odd", f"a message about {SECRET}")})
    assert "ssm:GetParameters" in {name for name, _ in found.requests}
    assert SECRET not in preflight.render_facts(found.facts)


def test_export_here_and_check_there(compiled: Project, tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    exported = doctor(compiled, "--export", str(file), answers=SMALL)
    assert exported.exit_code == 0, exported.output
    assert "servicequotas:ListServiceQuotas" in exported.output
    here = doctor(compiled, "--format", "json", answers=SMALL)
    there = doctor(compiled, "--facts", str(file), "--format", "json")
    assert (here.exit_code, there.exit_code) == (1, 1)
    results = [json.loads(one.stdout)["results"] for one in (here, there)]
    assert results[0] == results[1]
    assert results[0][0]["status"] == "fails"


def test_the_text_says_what_fails_first_and_how_to_fix_it(compiled: Project) -> None:
    result = doctor(compiled, answers=SMALL)
    lines = result.stdout.splitlines()
    assert lines[0] == "FAILS  quota  Running On-Demand G and VT instances"
    assert lines[1].startswith("  minCapacity requires 4 vCPUs, but 0 vCPUs are available")
    assert lines[2].startswith("  fix: Request a quota of at least")
    assert any(line.startswith("ok      ami") and STANDARD in line for line in lines)
    assert "dev → account 123456789012, us-east-1" in result.stderr
    assert "fails: 1" in result.stderr


def test_unknown_is_said_and_fails_only_when_strict(compiled: Project) -> None:
    answers = {"ec2:DescribeImages": DENIED}
    plain, strict = (doctor(compiled, *options, answers=answers) for options in ((), ("--strict",)))
    assert (plain.exit_code, strict.exit_code) == (0, 1)
    assert "UNKNOWN  ami" in plain.stdout
    assert "requires the permission ec2:DescribeImages" in plain.stdout


def test_another_account_is_refused(compiled: Project) -> None:
    other = {"Account": "999999999999", "Arn": "arn:aws:iam::999999999999:user/x", "UserId": "x"}
    result = doctor(compiled, answers={"sts:GetCallerIdentity": other})
    assert (result.exit_code, "999999999999" in result.stderr) == (1, True)


def test_facts_of_another_account_are_refused(examine: Examine, compiled: Project, tmp_path: Path) -> None:
    facts = examine().facts.model_copy(update={"account": "999999999999"})
    (tmp_path / "facts.json").write_text(preflight.render_facts(facts))
    result = doctor(compiled, "--facts", str(tmp_path / "facts.json"))
    assert (result.exit_code, "the facts are from 999999999999" in result.stderr) == (1, True)


@pytest.mark.parametrize("content", ["", "{}", '{"schemaVersion": 2}', "[1]"])
def test_a_file_that_has_no_facts_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "facts.json"
    file.write_text(content)
    with pytest.raises(DeployError, match=r"is not a valid facts file"):
        preflight.load_facts(file)


def test_facts_and_export_exclude_each_other(compiled: Project) -> None:
    assert doctor(compiled, "--facts", "a", "--export", "b").exit_code == 2


def test_an_environment_that_is_not_compiled_is_refused(project: Project) -> None:
    result = doctor(project)
    assert (result.exit_code, "lisa compile" in result.stderr) == (1, True)
