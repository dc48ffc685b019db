"""`lisa policy` on a project that was compiled, with faults put into what is committed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import Project
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app
from lisa_compiler.compile.pipeline import Compiled
from lisa_compiler.compile.provenance import trace
from lisa_compiler.policy.cfn_lint import lint
from lisa_compiler.policy.check import nearest
from lisa_compiler.policy.templates import Template
from lisa_compiler.project.load import load
from lisa_compiler.provenance.index import Place
from lisa_schema.diagnostics import Severity

SMALL = "model-small"
WAIVER = "waivers:\n  - {rule: LISA-P12, resource: model-small/*, reason: R, owner: o, expiry: 2027-03-31}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return Project(tmp_path_factory.mktemp("compiled")).write().compile()


@pytest.fixture
def committed(project: Project, made: Compiled) -> Project:
    from lisa_compiler.output.manifest import build

    products = made.products.artifacts.values()
    files = {**made.files, "manifest.json": build("dev", made.config, options=(), files=made.files, products=products)}
    for path, content in files.items():
        file = project.folder / "generated/dev" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return project


def policy(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["policy", "--project", str(project.folder), *arguments], prog_name="lisa")


def found(result: Result) -> list[dict[str, Any]]:
    return list(json.loads(result.stdout))


def spoil(project: Project, component: str, change: Callable[[dict[str, Any]], None]) -> None:
    path = project.folder / f"generated/dev/cloudformation/{component}.template.json"
    template = json.loads(path.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        change(resource)
    path.write_text(json.dumps(template), encoding="utf-8")


def forget_metadata_tokens(resource: dict[str, Any]) -> None:
    if resource["Type"] == "AWS::EC2::LaunchTemplate":
        resource["Properties"]["LaunchTemplateData"]["MetadataOptions"]["HttpTokens"] = "optional"


def test_a_compiled_project_has_no_findings(committed: Project) -> None:
    result = policy(committed, "--only", "lisa", "--only", "cdk-nag")
    assert (result.exit_code, result.stderr) == (0, "dev: no findings\n")


def test_a_finding_is_shown_at_the_line_that_governs_it(committed: Project) -> None:
    spoil(committed, SMALL, forget_metadata_tokens)
    result = policy(committed, "--only", "lisa", "--format", "json")
    [finding] = found(result)
    origin = load(committed.folder, "dev").document.key_origin(("ecsModels", 0))
    assert result.exit_code == 1
    assert (finding["code"], finding["keyPath"], finding["line"]) == ("LISA-P12", "ecsModels[0]", origin.line)
    assert finding["message"].startswith("dev: model-small/Instances")


def switch_authentication_off(resource: dict[str, Any]) -> None:
    if resource["Type"] == "AWS::ECS::TaskDefinition":
        container = resource["Properties"]["ContainerDefinitions"][0]
        for entry in container["Environment"]:
            if entry["Name"] == "USE_AUTH":
                entry["Value"] = "false"


def test_a_template_without_authentication_is_blocked(committed: Project) -> None:
    spoil(committed, "serve", switch_authentication_off)
    result = policy(committed, "--only", "lisa", "--format", "json")
    [finding] = found(result)
    assert result.exit_code == 1
    assert (finding["code"], finding["severity"]) == ("LISA-P13", "error")
    assert finding["keyPath"] == "restApiConfig"
    assert finding["message"].endswith(
        "The gateway is internet-facing, but authentication is not ensured: `USE_AUTH` is `false`."
    )


def test_sarif_says_what_the_rule_is_about(committed: Project) -> None:
    spoil(committed, SMALL, forget_metadata_tokens)
    log = json.loads(policy(committed, "--only", "lisa", "--format", "sarif").stdout)
    [rule] = log["runs"][0]["tool"]["driver"]["rules"]
    [result] = log["runs"][0]["results"]
    assert (rule["id"], rule["name"]) == ("LISA-P12", "InstanceMetadata")
    assert rule["shortDescription"]["text"] == "Instances must require tokens for their metadata (IMDSv2)."
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("config.yaml")


@pytest.mark.parametrize(("day", "code"), [("2027-03-31", 0), ("2027-04-01", 1)])
def test_a_waiver_holds_to_its_last_day(committed: Project, day: str, code: int) -> None:
    spoil(committed, SMALL, forget_metadata_tokens)
    (committed.folder / "policy").mkdir()
    (committed.folder / "policy/waivers.yaml").write_text(WAIVER, encoding="utf-8")
    result = policy(committed, "--only", "lisa", "--as-of", day)
    assert result.exit_code == code
    assert ("waived until 2027-03-31: dev: LISA-P12 at model-small/Instances" in result.stderr) == (code == 0)
    assert ("LISA482 [waiver-expired]" in result.stderr) == (code == 1)


def test_mistakes_in_waivers_are_told_before_anything_is_checked(committed: Project) -> None:
    (committed.folder / "policy").mkdir()
    (committed.folder / "policy/waivers.yaml").write_text("waivers: 1\n", encoding="utf-8")
    result = policy(committed)
    assert result.exit_code == 1
    assert "policy/waivers.yaml:1:10: error LISA205" in result.stderr


def test_a_changed_configuration_is_a_warning_and_strictly_an_error(committed: Project) -> None:
    committed.write(logLevel="DEBUG")
    result = policy(committed, "--only", "lisa")
    assert result.exit_code == 0
    assert "warning LISA484 [policy-stale]" in result.stderr
    assert policy(committed, "--only", "lisa", "--strict").exit_code == 1


def test_an_environment_that_is_not_compiled_is_named(project: Project) -> None:
    result = policy(project)
    assert result.exit_code == 1
    assert "run `lisa compile --env dev` first" in result.stderr


def test_an_invalid_configuration_is_told(committed: Project) -> None:
    committed.write(region="us-esat-1")
    result = policy(committed)
    assert result.exit_code == 1
    assert "LISA340" in result.stderr


def test_cdk_nag_findings_are_shown_at_their_lines(committed: Project, without_acknowledgements: None) -> None:
    result = policy(committed, "--only", "cdk-nag", "--format", "json")
    wildcard = next(one for one in found(result) if "model-small/TaskRole" in one["message"])
    assert result.exit_code == 1
    assert (wildcard["code"], wildcard["rule"], wildcard["keyPath"]) == (
        "AwsSolutions-IAM5",
        "cdk-nag",
        "ecsModels[0].modelName",
    )
    assert "It found Resource::arn:aws:s3:::test-models/org/small-model/*." in wildcard["message"]


def test_cfn_lint_findings_name_resource_and_rule() -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketNam": "a"}}
    text = json.dumps({"Resources": {"Documents": bucket}})
    [finding] = lint((Template("rag", text, {"Documents": bucket}),), "dev", "us-east-1")
    assert (finding.rule, finding.resource_path, finding.resource_type) == ("E3002", "rag/Documents", "AWS::S3::Bucket")
    assert finding.message.endswith("(at Properties.BucketNam)")
    assert (finding.severity, finding.title) == (Severity.ERROR, "Resource properties are invalid.")


def test_without_cfn_lint_it_says_how_to_get_it(committed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cfnlint", None)
    result = policy(committed, "--only", "cfn-lint")
    assert result.exit_code == 1
    assert "pip install 'lisa-gitops[policy]'" in result.stderr


def test_every_resource_is_governed_by_a_line(made: Compiled, project: Project) -> None:
    document = load(project.folder, "dev").document
    index = trace(project.folder, "dev", made.config, made.files)
    for path, content in made.files.items():
        if path.endswith(".template.json"):
            component = path.removeprefix("cloudformation/").removesuffix(".template.json")
            for logical_id in json.loads(content)["Resources"]:
                origin, _ = nearest(document, index.governing(Place(component, logical_id)))
                assert origin.file == "config.yaml"
                assert origin.line > 0


@pytest.mark.parametrize(
    ("component", "resource", "key"),
    [
        ("model-small", "LoadBalancerListener", ("ecsModels", 0, "loadBalancerConfig", "sslCertIamArn")),
        ("model-small", "ModelCluster", ("ecsModels", 0)),
        ("model-small", "TaskRole", ("ecsModels", 0, "modelName")),
        ("serve", "LoadBalancer", ("restApiConfig", "internetFacing")),
        ("networking", "RestApiLoadBalancerSecurityGroup", ("restApiConfig",)),
        ("networking", "Vpc", ("vpc",)),
        ("ui", "Website", ("deployUi",)),
    ],
)
def test_the_key_that_governs(
    made: Compiled, project: Project, component: str, resource: str, key: tuple[str | int, ...]
) -> None:
    index = trace(project.folder, "dev", made.config, made.files)
    template = json.loads(made.files[f"cloudformation/{component}.template.json"])
    logical_id = next(name for name in template["Resources"] if re.sub("[0-9A-F]{8}$", "", name) == resource)
    assert index.governing(Place(component, logical_id)) == key


def test_a_key_that_is_left_out_is_shown_at_its_block(project: Project) -> None:
    document = load(project.folder, "dev").document
    assert nearest(document, ("vpc",)) == (document.root.origin, "")
    origin, key = nearest(document, ("restApiConfig", "internetFacing"))
    assert key == "restApiConfig"
    assert origin == document.key_origin(("restApiConfig",))


def test_a_template_that_is_none_is_refused(committed: Project) -> None:
    path: Path = committed.folder / "generated/dev/cloudformation/iam.template.json"
    path.write_text("[]", encoding="utf-8")
    result = policy(committed, "--only", "lisa")
    assert result.exit_code == 1
    assert "is not a CloudFormation template" in result.stderr
