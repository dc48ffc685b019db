"""Commands that look at the configuration: validate, config, stacks, schema, version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from .conftest import CONFIG, Lisa


def test_validate_says_what_is_valid(lisa: Lisa, project: Path) -> None:
    result = lisa("validate")
    assert (result.code, result.out, result.err) == (0, "", "dev: valid\n")
    assert lisa("validate", "--all").err == "dev: valid\nprod: valid\n"


def test_validate_shows_place_line_and_fix(lisa: Lisa, project: Path) -> None:
    (project / "config.yaml").write_text(CONFIG.replace("instanceType", "instanceTpye"))
    result = lisa("validate")
    line = CONFIG[: CONFIG.index("instanceType")].count("\n") + 1
    assert result.code == 1
    assert f"config.yaml:{line}:5: error LISA203 [unknown-key]" in result.err
    assert f"{line} |     instanceTpye: m5.large\n      |     ^^^^^^^^^^^^\n" in result.err
    assert "fix: " in result.err


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_validate_for_machines(lisa: Lisa, project: Path, form: str) -> None:
    valid = lisa("validate", "--format", form)
    assert valid.code == 0
    (project / "config.yaml").write_text(CONFIG.replace("region:", "regoin:"))
    result = lisa("validate", "--all", "--format", form)
    assert result.code == 1
    if form == "github":
        assert valid.out == ""
        assert result.out.startswith("::error file=config.yaml,line=5,col=3,title=")
    else:
        json.loads(valid.out)
        assert "LISA2" in json.dumps(json.loads(result.out))


def test_no_config(lisa: Lisa, project: Path) -> None:
    (project / "config.yaml").unlink()
    for command in (["validate"], ["validate", "--all"], ["compile"], ["compile", "--all"], ["config"], ["stacks"]):
        result = lisa(*command)
        assert result.code == 1
        assert "LISA101" in result.err
        assert "--project" in result.err


def test_config_is_yaml_with_defaults(lisa: Lisa, project: Path) -> None:
    result = lisa("config", "--env", "prod", "--region", "us-west-2")
    content = yaml.safe_load(result.out)
    assert content["region"] == "us-west-2"
    assert content["accountNumber"] == "012345678901"
    assert content["removalPolicy"] == "retain"
    assert content["restApiConfig"]["autoScalingConfig"]["cooldown"] == 420
    assert content["ecsModels"] == []


def test_config_is_a_configuration(lisa: Lisa, project: Path) -> None:
    printed = lisa("config").out
    (project / "config.yaml").write_text("env: again\n")
    (project / "environments").mkdir()
    (project / "environments/again.yaml").write_text(printed)
    again = lisa("config")
    assert again.code == 0, again.err
    assert yaml.safe_load(again.out) == yaml.safe_load(printed)


def test_config_tells_where_each_value_comes_from(lisa: Lisa, project: Path) -> None:
    (project / "environments").mkdir()
    (project / "environments/dev.yaml").write_text("# overlay\nlogLevel: DEBUG\n")
    result = lisa("config", "--show-origin", "--region", "us-west-2", "--set", "restApiConfig.instanceType=m5.xlarge")
    lines = result.out.splitlines()
    assert "deploymentName: test  # config.yaml:3" in lines
    assert "logLevel: DEBUG  # environments/dev.yaml:2" in lines
    assert "region: us-west-2  # --region" in lines
    assert "  instanceType: m5.xlarge  # --set restApiConfig.instanceType" in lines
    assert "appName: lisa  # default" in lines
    assert yaml.safe_load(result.out)["logLevel"] == "DEBUG"


def test_stacks_as_a_table_and_as_json(lisa: Lisa, project: Path) -> None:
    table = lisa("stacks", "--env", "prod")
    assert table.code == 0
    head, first, *_ = table.out.splitlines()
    assert head.split() == ["COMPONENT", "STACK", "DEPENDS", "ON"]
    assert first.split() == ["iam", "live-lisa-iam-prod", "-"]
    stacks = json.loads(lisa("stacks", "--env", "prod", "--format", "json").out)
    assert [stack["component"] for stack in stacks] == [line.split()[0] for line in table.out.splitlines()[1:]]
    known: set[str] = set()
    for stack in stacks:
        assert known.issuperset(stack["dependsOn"])
        known.add(stack["component"])


@pytest.mark.parametrize("command", ["config", "stacks"])
def test_mistakes_are_reported_by_every_command(lisa: Lisa, project: Path, command: str) -> None:
    (project / "config.yaml").write_text(CONFIG.replace("region:", "regoin:"))
    result = lisa(command)
    assert (result.code, result.out) == (1, "")
    assert "config.yaml:5:3: error" in result.err


def test_schema_is_printed_or_written(lisa: Lisa, project: Path) -> None:
    assert json.loads(lisa("schema").out)["title"] == "LISA config.yaml"
    assert "overlay" in json.loads(lisa("schema", "--of", "overlay").out)["title"]
    assert lisa("schema", "--output", "lisa.json").err == "wrote lisa.json\n"
    assert (project / "lisa.json").read_text() == lisa("schema").out
    missing = lisa("schema", "--output", "no/such/folder.json")
    assert missing.code == 1
    assert "cannot be written" in missing.err


def test_version(lisa: Lisa, project: Path) -> None:
    from lisa_schema.version import VERSION

    assert lisa("--version").out == f"lisa {VERSION}\n"
    assert lisa("version").out.startswith(f"lisa {VERSION}\npython 3.")
