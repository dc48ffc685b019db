"""Diagnostics as text, JSON, GitHub workflow commands and SARIF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lisa_compiler.cli.report import Format, render, summarize_counts
from lisa_schema.diagnostics import Diagnostic, Origin, Severity

CONFIG = "env: dev\ndev:\n  ecsModels:\n    - modelName: mistral\n      instanceTpye: g5.xlarge\n"


def diagnostic(**changes: object) -> Diagnostic:
    values: dict[str, object] = {
        "code": "LISA203",
        "rule": "unknown-key",
        "severity": Severity.ERROR,
        "message": "`instanceTpye` is not a key that LISA knows.",
        "fix": "Write `instanceType`.",
        "key_path": "ecsModels[0].instanceTpye",
        "origin": Origin("config.yaml", 5, 7),
    }
    return Diagnostic(**{**values, **changes})  # type: ignore[arg-type]


WARNING = diagnostic(
    code="LISA301", rule="old-runtime", severity=Severity.WARNING, origin=Origin("--region"), key_path="", fix=""
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def test_text_shows_place_line_caret_and_fix(project: Path) -> None:
    assert render([diagnostic(), WARNING], Format.TEXT, project=project) == (
        "config.yaml:5:7: error LISA203 [unknown-key] `instanceTpye` is not a key that LISA knows.\n"
        "    5 |       instanceTpye: g5.xlarge\n"
        "      |       ^^^^^^^^^^^^\n"
        "  key: ecsModels[0].instanceTpye\n"
        "  fix: Write `instanceType`.\n"
        "\n"
        "--region: warning LISA301 [old-runtime] `instanceTpye` is not a key that LISA knows.\n"
        "\n"
        "1 error, 1 warning\n"
    )


def test_text_of_nothing_is_nothing(project: Path) -> None:
    assert render([], Format.TEXT, project=project) == ""


def test_text_in_colour_says_the_same(project: Path) -> None:
    import re

    coloured = render([diagnostic()], Format.TEXT, project=project, colour=True)
    assert "\x1b[1;31merror\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render([diagnostic()], Format.TEXT, project=project)


def test_text_names_files_as_the_reader_sees_them(project: Path) -> None:
    shown = render([diagnostic(), WARNING], Format.TEXT, project=project, prefix="infra")
    assert shown.startswith("infra/config.yaml:5:7: error")
    assert "\n--region: warning" in shown


def test_what_several_environments_share_is_shown_once(project: Path) -> None:
    shown = render([diagnostic(), diagnostic()], Format.TEXT, project=project)
    assert shown.count("LISA203") == 1
    assert shown.endswith("\n1 error\n")


def test_a_missing_file_or_line_leaves_out_the_excerpt(project: Path) -> None:
    for origin in (Origin("environments/x.yaml", 1, 1), Origin("config.yaml", 99, 1), Origin("config.yaml"), None):
        assert " | " not in render([diagnostic(origin=origin)], Format.TEXT, project=project)


def test_carets_stand_below_wide_characters_and_tabs(project: Path) -> None:
    (project / "config.yaml").write_text("模型:\tmistrál\n", encoding="utf-8")
    lines = render([diagnostic(origin=Origin("config.yaml", 1, 5))], Format.TEXT, project=project).splitlines()
    assert lines[1] == "    1 | 模型:    mistrál"
    assert lines[2] == "      | " + " " * 9 + "^^^^^^^"


def test_a_long_line_is_cut_around_the_place(project: Path) -> None:
    (project / "config.yaml").write_text("a: {" + "x, " * 50_000 + "wrong: 1}", encoding="utf-8")
    column = 5 + 3 * 50_000
    lines = render([diagnostic(origin=Origin("config.yaml", 1, column))], Format.TEXT, project=project).splitlines()
    assert len(lines[1]) < 140
    start = lines[2].index("^")
    assert lines[1][start : start + 5] == "wrong"


def test_nothing_in_a_configuration_commands_the_terminal(project: Path) -> None:
    (project / "config.yaml").write_text("a: \x1b[2J\u202etxt\n", encoding="utf-8")
    found = diagnostic(message="odd \x1b]0;title\x07\nerror: forged", origin=Origin("config.yaml", 1, 4))
    shown = render([found], Format.TEXT, project=project)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\nerror: forged" not in shown


def test_many_diagnostics_are_cut_and_counted(project: Path) -> None:
    many = [diagnostic(message=f"m{number}") for number in range(1000)]
    shown = render(many, Format.TEXT, project=project)
    assert "… and 800 more" in shown
    assert shown.endswith("1000 errors\n")


def test_counted() -> None:
    assert summarize_counts([]) == ""
    assert summarize_counts([WARNING]) == "1 warning"


def test_json_is_a_list_of_all_fields(project: Path) -> None:
    assert json.loads(render([diagnostic(), WARNING], Format.JSON, project=project)) == [
        {
            "code": "LISA203",
            "rule": "unknown-key",
            "severity": "error",
            "message": "`instanceTpye` is not a key that LISA knows.",
            "fix": "Write `instanceType`.",
            "keyPath": "ecsModels[0].instanceTpye",
            "file": "config.yaml",
            "line": 5,
            "column": 7,
        },
        {
            "code": "LISA301",
            "rule": "old-runtime",
            "severity": "warning",
            "message": "`instanceTpye` is not a key that LISA knows.",
            "fix": "",
            "keyPath": "",
            "file": "--region",
            "line": 0,
            "column": 0,
        },
    ]
    assert json.loads(render([], Format.JSON, project=project)) == []


@pytest.mark.parametrize("found", [diagnostic(), WARNING, diagnostic(origin=None)])
def test_data_can_be_read_back(found: Diagnostic) -> None:
    assert Diagnostic.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_github_escapes_what_its_commands_would_read(project: Path) -> None:
    found = diagnostic(message="100% wrong\nreally: yes, ::error::", rule="a,b:c")
    assert render([found], Format.GITHUB, project=project, prefix="x,y") == (
        "::error file=x%2Cy/config.yaml,line=5,col=7,title=LISA203 a%2Cb%3Ac::"
        "100%25 wrong%0Areally: yes, ::error:: (ecsModels[0].instanceTpye)%0AFix: Write `instanceType`.\n"
    )


def test_github_without_a_place_in_a_file(project: Path) -> None:
    assert render([WARNING], Format.GITHUB, project=project) == (
        "::warning title=LISA301 old-runtime (--region)::`instanceTpye` is not a key that LISA knows.\n"
    )
    whole_file = render([diagnostic(origin=Origin("a.yml"))], Format.GITHUB, project=project)
    assert whole_file.startswith("::error file=a.yml,title=LISA203 unknown-key::")


def test_sarif_has_what_code_scanning_needs(project: Path) -> None:
    other = diagnostic(origin=Origin("environments/dev é.yaml", 2, 0))
    log = json.loads(render([WARNING, diagnostic(), other], Format.SARIF, project=project))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["name"], rule["defaultConfiguration"]) for rule in rules] == [
        ("LISA203", "UnknownKey", {"level": "error"}),
        ("LISA301", "OldRuntime", {"level": "warning"}),
    ]
    assert all(rule["shortDescription"]["text"] for rule in rules)
    option, place, no_column = run["results"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert "locations" not in option
    assert option["level"] == "warning"
    assert place["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "config.yaml"},
                "region": {"startLine": 5, "startColumn": 7},
            },
            "logicalLocations": [{"fullyQualifiedName": "ecsModels[0].instanceTpye", "kind": "property"}],
        }
    ]
    physical = no_column["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "environments/dev%20%C3%A9.yaml"
    assert physical["region"] == {"startLine": 2}
    assert place["message"]["text"].endswith("Fix: Write `instanceType`.")


def test_sarif_of_nothing_is_a_run_without_results(project: Path) -> None:
    (run,) = json.loads(render([], Format.SARIF, project=project))["runs"]
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []
