"""Texts of others inside of Markdown."""

from __future__ import annotations

import pytest

from lisa_compiler.ci.drift_markdown import render
from lisa_compiler.ci.markdown import code, limited, table
from lisa_compiler.deploy.drift import DriftItem, DriftReason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "-"),
        ("a", "`a`"),
        ("a\nb", "`a b`"),
        ("a|b", r"`a\|b`"),
        ("`a`", "`` `a` ``"),
        ("a ``` b", "```` a ``` b ````".replace(" a", "a", 1).replace("b ", "b")),
        ("@team <b>", "`@team <b>`"),
    ],
)
def test_text_is_code_whatever_it_has(text: str, expected: str) -> None:
    assert code(text) == expected


def test_long_text_is_cut() -> None:
    assert code("x" * 1000) == f"`{'x' * 299}…`"


def test_cut_report_closes_what_it_has_opened() -> None:
    cut = limited("<details>\n" + "row ü\n" * 1000, 500)
    assert len(cut.encode()) <= 520
    assert cut.count("<details>") == cut.count("</details>") == 1
    assert "The report is cut" in cut
    assert limited("short", 500) == "short"


def test_table_has_a_row_for_each_finding() -> None:
    assert table(("A", "B"), [("1", "2")]) == ["| A | B |", "| --- | --- |", "| 1 | 2 |"]


def test_drift_names_values_and_the_run() -> None:
    item = DriftItem(
        component="serve", stack="demo-serve", cause=DriftReason.OUT_OF_BAND, key="restApiConfig.x",
        resource="Group (AWS::EC2::SecurityGroup)", path="A/B", deployed={"Port": 22}, compiled=None,
    )  # fmt: skip
    text = render("prod", [item], place="Account 1, us-east-1,", run="https://ci/7")
    assert text.startswith("<!-- lisa-drift:prod -->\n### prod: 1 difference\n")
    assert (
        '| serve | modified outside CloudFormation | `Group (AWS::EC2::SecurityGroup)` | `A/B` | `{"Port": 22}` | - | '
        "`restApiConfig.x` |"
    ) in text
    assert "Found by https://ci/7" in text
    assert "no drift" in render("prod", [], place="Account 1", run="")


def test_many_findings_are_listed_in_part() -> None:
    item = DriftItem(component="a", stack="a", cause=DriftReason.MISSING, key="")
    text = render("prod", [item] * 250, place="", run="")
    assert text.count("| a |") == 200
    assert "… and 50 more; `lisa drift --env prod` lists all." in text
