"""`lisa init`: from nothing to a repository that compiles, or to nothing at all."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app
from lisa_compiler.compile import ami_lock
from lisa_compiler.plan.amis import STANDARD_PARAMETER, AmiLock, LockedAmi
from lisa_compiler.starter.pipelines import Pipeline
from lisa_compiler.starter.prompts import QUESTIONS, given_answers, steps
from lisa_compiler.starter.repository import starter_files, validate_answer
from lisa_schema.errors import LisaError

ANSWERS = {
    "deploymentName": "ours",
    "authority": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x",
    "clientId": "web",
    "accountNumber": "012345678901",
    "region": "eu-west-1",
    "prod.region": "us-gov-west-1",
}


def lisa(*arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="lisa", input=answers)


def init(directory: Path, **answers: str) -> Result:
    given = [f"--set={name}={value}" for name, value in {**ANSWERS, **answers}.items()]
    return lisa("init", str(directory), "--defaults", *given)


def complete(**answers: str) -> dict[str, str]:
    """Every answer, as the command gathers them."""
    given = {**ANSWERS, **answers}
    found: dict[str, str] = {}
    for question, environment, name in steps(found):
        value = given.get(name, given.get(question.name))
        found[name] = (question.default(found, environment) or "") if value is None else value
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("init") / "ours"
    result = init(directory, adminGroup="admins")
    assert result.exit_code == 0, result.stderr
    return directory


def test_environments_of_one_account_and_region_have_names_of_their_own(tmp_path: Path) -> None:
    result = init(tmp_path / "ours", environments="dev stage prod", **{"prod.region": "eu-west-1"})
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "ours" / "environments"
    overlays = [yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("dev", "stage", "prod")]
    assert [overlay.get("deploymentName") for overlay in overlays] == [None, "ours-stage", "ours-prod"]
    readme = (tmp_path / "ours/README.md").read_text()
    assert "Environment=stage StackPrefix=ours-stage " in readme
    assert "Environment=dev StackPrefix=ours " in readme
    assert (
        "StackPrefix:\n    Type: String\n    Default: ours-prod\n"
        in (tmp_path / "ours/pipeline/roles.yaml").read_text()
    )


def test_it_is_valid_and_compiled(made: Path) -> None:
    project = ["--project", str(made)]
    assert lisa("validate", *project, "--all").exit_code == 0
    result = lisa("compile", *project, "--all", "--check", "--format", "json")
    assert result.exit_code == 0
    assert {found["code"] for found in json.loads(result.stdout)} == {"LISA411"}


def test_the_strict_check_passes_once_amis_are_pinned(made: Path, tmp_path: Path) -> None:
    ours = shutil.copytree(made, tmp_path / "ours")
    ami = LockedAmi(
        id="ami-0123456789abcdef0", name="n", owner="1", creation_date="2026-11-05", deprecation_time=None, version=1
    )
    for environment in ("dev", "prod"):
        region = yaml.safe_load((ours / "environments" / f"{environment}.yaml").read_text(encoding="utf-8"))["region"]
        ami_lock.save(ours, environment, AmiLock(region=region, amis={STANDARD_PARAMETER: ami}))
    assert lisa("compile", "--project", str(ours), "--all").exit_code == 0
    result = lisa("compile", "--project", str(ours), "--all", "--check", "--strict")
    assert (result.exit_code, result.stdout) == (0, "")


def test_it_keeps_lisas_own_rules(made: Path) -> None:
    result = lisa("policy", "--project", str(made), "--all", "--only", "lisa")
    assert (result.exit_code, result.stderr) == (0, "dev: no findings\nprod: no findings\n")


def test_it_holds_what_a_team_needs(made: Path) -> None:
    files = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert {path for path in files if not path.startswith("generated/")} == {
        ".gitattributes", ".gitignore", ".github/workflows/check.yml", ".github/workflows/compile.yml",
        ".github/workflows/deploy-environment.yml", ".github/workflows/deploy.yml", ".github/workflows/drift.yml",
        "README.md", "pipeline/roles.yaml",
        "config.yaml", "environments/dev.yaml", "environments/prod.yaml", "package-lock.json", "package.json",
        "policy/waivers.yaml", "requirements-lisa.txt", "requirements.txt", "schema/config.schema.json",
        "schema/overlay.schema.json",
    }  # fmt: skip
    assert {"generated/dev/SUMMARY.md", "generated/prod/manifest.json"} <= files


def test_answers_are_where_they_belong(made: Path) -> None:
    base = yaml.safe_load((made / "config.yaml").read_text(encoding="utf-8"))["base"]
    prod = yaml.safe_load((made / "environments/prod.yaml").read_text(encoding="utf-8"))
    assert base["authConfig"] == {
        "authority": ANSWERS["authority"],
        "clientId": "web",
        "adminGroup": "admins",
        "jwtGroupsProperty": "cognito:groups",
        "legacyTokens": False,
    }
    assert prod == {
        "accountNumber": "012345678901",
        "region": "us-gov-west-1",
        "deploymentStage": "prod",
        "s3BucketModels": "ours-prod-models-012345678901",
        "restApiConfig": {"internetFacing": False},
    }


def test_the_readme_is_for_that_team(made: Path) -> None:
    text = (made / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ours\n")
    assert "aws s3 mb s3://ours-prod-models-012345678901 --region us-gov-west-1" in text
    assert "lisa bootstrap --env dev" in text
    assert "--stack-name ours-pipeline-prod --capabilities CAPABILITY_IAM --region us-gov-west-1" in text
    assert "`prod-plan` with the variable `AWS_ROLE_ARN`" in text


def test_the_package_of_the_cdk_cli_is_pinned_by_digest(made: Path) -> None:
    lock = json.loads((made / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]["node_modules/aws-cdk"]["integrity"].startswith("sha512-")


def test_a_certificate_puts_the_api_where_it_is_wanted() -> None:
    arn = "arn:aws:acm:eu-west-1:012345678901:certificate/1"
    answers = complete(**{"dev.certificate": arn, "dev.internetFacing": "true"})
    files = starter_files(answers)
    assert yaml.safe_load(files["environments/dev.yaml"])["restApiConfig"] == {
        "internetFacing": True,
        "loadBalancerConfig": {"sslCertIamArn": arn},
    }


@pytest.mark.parametrize(
    ("pipeline", "file", "words"),
    [
        ("gitlab", ".gitlab-ci.yml", "LISA_PLAN_ROLE_ARN"),
        ("jenkins", "Jenkinsfile", "labels `lisa-plan` and `lisa-deploy`"),
        ("codepipeline", "pipeline/codepipeline.yaml", "A build image"),
    ],
)
def test_another_pipeline_gets_its_files_and_setup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pipeline: str, file: str, words: str
) -> None:
    without_compiling(monkeypatch)
    given = [f"--set={name}={value}" for name, value in ANSWERS.items()]
    result = lisa("init", str(tmp_path / "ours"), "--defaults", "--pipeline", pipeline, *given)
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "ours" / file).is_file()
    assert not (tmp_path / "ours/.github").exists()
    readme = (tmp_path / "ours/README.md").read_text(encoding="utf-8")
    assert words in readme
    assert ".github" not in readme


def test_an_isolated_environment_is_not_for_the_pipeline() -> None:
    isolated = {"prod.region": "us-iso-east-1", "prod.indexUrl": "https://pypi.example.com/simple"}
    files = starter_files(complete(**isolated))
    assert list(yaml.safe_load(files[".github/workflows/deploy.yml"])["jobs"]) == ["deploy-dev"]
    assert yaml.safe_load(files["environments/prod.yaml"])["pypiConfig"] == {
        "indexUrl": "https://pypi.example.com/simple"
    }
    alone = {"environments": "prod", "region": "us-iso-east-1", **isolated}
    hosted = starter_files(complete(**alone))
    assert {path for path in hosted if path.startswith((".github", "pipeline"))} == {
        ".github/workflows/check.yml",
        ".github/workflows/compile.yml",
    }
    # What runs inside of the network deploys it.
    inside = starter_files(complete(**alone), pipeline=Pipeline.CODEPIPELINE)
    assert "us-iso-east-1" in inside["pipeline/codepipeline.yaml"]
    assert not any(path.startswith(".github") for path in inside)


def test_without_a_terminal_everything_that_is_missing_is_named(tmp_path: Path) -> None:
    result = lisa("init", str(tmp_path / "ours"), "--set", "deploymentName=ours")
    assert result.exit_code == 1
    assert "--set authority=… --set clientId=… --set dev.accountNumber=… --set dev.region=…" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("deploymentName", "9lives", "starting with a letter"),
        ("environments", "dev base", "`base` is not a valid environment name"),
        ("environments", "dev dev", "listed twice"),
        ("authority", "http://idp", "authConfig.authority"),
        ("accountNumber", "12345", "the twelve digits"),
        ("region", "eu-wset-9", "Unknown Region"),
        ("prod.s3BucketModels", "s3://x", "the name of an S3 bucket"),
        ("dev.certificate", "arn:aws-cn:acm:cn-north-1:012345678901:certificate/1", "aws-cn"),
        ("clientId", "", "an answer is required"),
    ],
)
def test_a_wrong_answer_is_refused_and_nothing_is_made(tmp_path: Path, name: str, value: str, words: str) -> None:
    result = init(tmp_path / "ours", **{name: value})
    assert result.exit_code == 1
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("assignment", ["region", "colour=red", "dev.clientId=x", "=x"])
def test_an_answer_to_no_question_is_refused(assignment: str) -> None:
    with pytest.raises(LisaError, match="use NAME=VALUE with one of the names deploymentName, environments"):
        given_answers([assignment])


def test_an_answer_for_no_environment_is_refused(tmp_path: Path) -> None:
    result = init(tmp_path / "ours", **{"test.region": "eu-west-1"})
    assert result.exit_code == 1
    assert "--set test.region: unknown environment" in result.stderr


def test_a_directory_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    result = init(tmp_path)
    assert result.exit_code == 1
    assert "holds notes.txt already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "ours").write_text("mine", encoding="utf-8")
    assert "is not a directory" in init(tmp_path / "ours").stderr


def test_a_clone_without_files_gets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_compiling(monkeypatch)
    (tmp_path / "ours/.git").mkdir(parents=True)
    assert init(tmp_path / "ours").exit_code == 0
    assert {".git", "config.yaml", "environments"} <= {path.name for path in (tmp_path / "ours").iterdir()}
    assert [path.name for path in tmp_path.iterdir()] == ["ours"]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LisaError("Node.js does not start.")

    monkeypatch.setattr("lisa_compiler.compile.pipeline.compile_planned", fail)
    (tmp_path / "clone/.git").mkdir(parents=True)
    assert init(tmp_path / "clone").exit_code == 1
    assert init(tmp_path / "below/ours").exit_code == 1
    assert [path.name for path in (tmp_path / "clone").iterdir()] == [".git"]
    assert [path.name for path in tmp_path.iterdir()] == ["clone"]


def test_directories_may_be_read_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_compiling(monkeypatch)
    init(tmp_path / "ours")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == 0o755


def test_what_a_person_answers_is_judged_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_compiling(monkeypatch)
    monkeypatch.setattr("lisa_compiler.cli.init._at_terminal", lambda: True)
    typed = ["ours", "test", "https://idp.example.com/", "web", "", "123", "012345678901", "", "eu-west-1", "", ""]
    result = lisa("init", str(tmp_path / "ours"), answers="".join(f"{line}\n" for line in typed))
    overlay = yaml.safe_load((tmp_path / "ours/environments/test.yaml").read_text(encoding="utf-8"))
    assert result.exit_code == 0
    assert "the twelve digits of an AWS account" in result.stderr
    assert overlay["accountNumber"] == "012345678901"
    assert overlay["s3BucketModels"] == "ours-test-models-012345678901"


def test_every_question_without_a_default_has_an_example() -> None:
    answers = complete()
    assert [question.name for question in QUESTIONS if not (question.optional or question.example)] == []
    for question in QUESTIONS:
        if question.path:
            name = f"dev.{question.name}" if question.each else question.name
            assert validate_answer(question, name, question.example, answers) is None


def without_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the compile out where a test is about something else."""
    monkeypatch.setattr("lisa_compiler.starter.repository.compile_all", lambda *_: None)
