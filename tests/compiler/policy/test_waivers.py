"""policy/waivers.yaml: what it covers, when it ends, and what is wrong with it, by line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lisa_compiler.policy.finding import Finding, Tool
from lisa_compiler.policy.waivers import Waived, apply_waivers, read_waivers
from lisa_schema.errors import ConfigurationError

WAIVER = """\
waivers:
  - rule: LISA-P09
    resource: serve/Listener*
    reason: A demonstration without a certificate.
    owner: platform@example.com
    expiry: 2027-03-31
"""
LAST_DAY = date(2027, 3, 31)


def finding(rule: str = "LISA-P09", place: str = "serve/ListenerA65D", environment: str = "dev") -> Finding:
    component, _, resource = place.partition("/")
    return Finding(
        tool=Tool.LISA,
        rule=rule,
        environment=environment,
        component=component,
        resource=resource,
        kind="",
        message="It is so.",
        fix="",
        title="It is not so.",
    )


def write(folder: Path, text: str) -> Path:
    (folder / "policy").mkdir()
    (folder / "policy/waivers.yaml").write_text(text, encoding="utf-8")
    return folder


def applied(folder: Path, *findings: Finding, today: date = LAST_DAY, complete: bool = True) -> Waived:
    return apply_waivers(findings, read_waivers(folder), today, checked=["dev"], complete=complete)


def test_a_covered_finding_is_waived(tmp_path: Path) -> None:
    result = applied(write(tmp_path, WAIVER), finding())
    assert [waiver.owner for _, waiver in result.waived] == ["platform@example.com"]
    assert (result.findings, result.diagnostics) == ((), ())


@pytest.mark.parametrize(
    "other", [finding(rule="LISA-P10"), finding(place="model-a/ListenerA65D"), finding(place="serve/LoadBalancer")]
)
def test_another_finding_is_not(tmp_path: Path, other: Finding) -> None:
    result = applied(write(tmp_path, WAIVER), finding(), other)
    assert result.findings == (other,)


def test_a_waiver_holds_in_its_environments(tmp_path: Path) -> None:
    folder = write(tmp_path, WAIVER + "    environments: [dev]\n")
    result = applied(folder, finding(), finding(environment="prod"))
    assert [found.environment for found in result.findings] == ["prod"]


def test_an_expired_waiver_fails_and_waives_nothing(tmp_path: Path) -> None:
    result = applied(write(tmp_path, WAIVER), finding(), today=date(2027, 4, 1))
    assert result.findings == (finding(),)
    [expired] = result.diagnostics
    assert (expired.code, expired.is_error) == ("LISA482", True)
    assert str(expired.origin) == "policy/waivers.yaml:6:13"
    assert "expired yesterday (owner: platform@example.com)" in expired.message


def test_an_expired_waiver_of_another_environment_is_let_be(tmp_path: Path) -> None:
    folder = write(tmp_path, WAIVER + "    environments: [prod]\n")
    assert applied(folder, today=date(2027, 4, 1), complete=False).diagnostics == ()


def test_a_waiver_that_covers_nothing_is_a_warning(tmp_path: Path) -> None:
    [unused] = applied(write(tmp_path, WAIVER)).diagnostics
    assert (unused.code, unused.is_error, unused.key_path) == ("LISA483", False, "waivers[0]")
    assert str(unused.origin) == "policy/waivers.yaml:2:5"


def test_nothing_is_called_unused_when_not_all_was_checked(tmp_path: Path) -> None:
    assert applied(write(tmp_path, WAIVER), complete=False).diagnostics == ()


@pytest.mark.parametrize("text", ["", "waivers:\n", "waivers: []\n", "# nothing\n"])
def test_no_waivers(tmp_path: Path, text: str) -> None:
    assert read_waivers(tmp_path) == ()
    assert read_waivers(write(tmp_path, text)) == ()


@pytest.mark.parametrize(
    ("change", "code", "key", "line"),
    [
        (("    owner: platform@example.com\n", ""), "LISA201", "waivers[0].owner", 2),
        (("platform@example.com", ""), "LISA202", "waivers[0].owner", 5),
        (("platform@example.com", "[a]"), "LISA205", "waivers[0].owner", 5),
        (("2027-03-31", "next year"), "LISA207", "waivers[0].expiry", 6),
        (("2027-03-31", "2027-02-30"), "LISA207", "waivers[0].expiry", 6),
        (("2027-03-31", "2027-03-31\n    environments: dev"), "LISA205", "waivers[0].environments", 7),
        (("2027-03-31", "2027-03-31\n    expires: 1"), "LISA203", "waivers[0].expires", 7),
        (("waivers:", "rules: 1\nwaivers:"), "LISA203", "rules", 1),
        (("    owner: platform@example.com\n", "    owner: a\n    owner: b\n"), "LISA109", "", 6),
    ],
)
def test_mistakes_are_told_by_line(tmp_path: Path, change: tuple[str, str], code: str, key: str, line: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_waivers(write(tmp_path, WAIVER.replace(*change)))
    [mistake] = caught.value.diagnostics
    assert mistake.origin is not None
    assert (mistake.code, mistake.key_path, mistake.origin.line) == (code, key, line)


@pytest.mark.parametrize(
    ("text", "code"),
    [("- a\n", "LISA108"), ("waivers: a\n", "LISA205"), ("waivers: [a]\n", "LISA205"), ("waivers: [\n", "LISA105")],
)
def test_other_forms_are_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_waivers(write(tmp_path, text))
    assert [mistake.code for mistake in caught.value.diagnostics] == [code]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_waivers(write(tmp_path, "waivers:\n  - rule: LISA-P01\n  - rule: LISA-P02\n"))
    assert len(caught.value.diagnostics) == 8


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "")
    (tmp_path / "policy/waivers.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError) as caught:
        read_waivers(tmp_path)
    assert [mistake.code for mistake in caught.value.diagnostics] == ["LISA102"]
