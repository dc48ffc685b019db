"""Slips of writing: what is said about them, where, and what to do."""

from __future__ import annotations

import pytest

from lisa_schema import ConfigurationError, Diagnostic, Origin
from lisa_schema.unexpanded import unexpanded_fix
from lisa_schema.yaml_reader import read_yaml

from .test_rules import diagnose


def errors_of(text: str) -> list[Diagnostic]:
    try:
        return list(read_yaml(text, "f.yaml")[1])
    except ConfigurationError as error:
        return list(error.diagnostics)


@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u3000", "\u200b", "\ufeff"])
@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("dev:\n  appName:{0}lisa\n  region: x\n", 2, 11, "behind `appName:`"),
        ("dev:\n  region: x\n  appName:{0}lisa\n", 3, 11, "behind `appName:`"),
        ("dev:\n{0}{0}appName: lisa\n", 2, 1, "at the beginning of the line"),
        ("dev:\n  a:\n    - name:{0}x\n", 3, None, "behind `name:`"),
        ("dev:\n  appName:{0}lisa\n", 2, None, "behind `appName:`"),
    ],
)
def test_a_wide_space_is_named_where_it_is(space: str, text: str, line: int, column: int | None, words: str) -> None:
    found = errors_of(text.format(space))
    assert [one.rule for one in found] == ["yaml-character"]
    assert found[0].origin is not None
    assert found[0].origin.line == line
    assert column is None or found[0].origin.column == column or space == "\ufeff"
    assert words in found[0].message
    assert "plain space" in found[0].fix


@pytest.mark.parametrize(
    "text", ["a: b\u00a0c\n", "a: Note:\u00a0c\n", "a: 'b:\u00a0c'\n", "# a:\u00a0b\na: c\n", "a: |\n  b:\u00a0c\n"]
)
def test_a_wide_space_in_a_text_is_a_part_of_it(text: str) -> None:
    assert errors_of(text) == []


@pytest.mark.parametrize("character", ["\u202e", "\u202a", "\u2066", "\u2069"])
def test_characters_that_change_the_direction_are_refused_in_comments_too(character: str) -> None:
    (found,) = errors_of(f"a: b # {character}c\nb: d\n")
    assert (found.rule, found.origin) == ("yaml-character", Origin("f.yaml", 1, 8))


@pytest.mark.parametrize("escape", ["202e", "200b", "2067", "200f", "feff"])
def test_deceptive_characters_are_refused_in_free_text(escape: str) -> None:
    found = diagnose([f'systemBanner={{text: "for \\u{escape}all", backgroundColor: red, fontColor: white}}'])
    assert ("invisible-character", "systemBanner.text") in {(one.rule, one.key_path) for one in found}


def test_emoji_and_joiners_are_text() -> None:
    found = diagnose(
        ['systemBanner={text: "\U0001f468\u200d\U0001f4bb for all", backgroundColor: red, fontColor: white}']
    )
    assert "invisible-character" not in {one.rule for one in found}


@pytest.mark.parametrize(("value", "fix"), [("2.0", "Write 2."), ("2.5", "Write an integer.")])
def test_a_float_for_an_integer(value: str, fix: str) -> None:
    (found,) = (one for one in diagnose([f"restApiConfig.autoScalingConfig.maxCapacity={value}"]) if one.is_error)
    assert (found.rule, found.fix) == ("invalid-type", fix)
    assert f"`{value}`" in found.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("region=${AWS_REGION}", "pass --region <region>"),
        ("accountNumber=$ACCOUNT", "pass --account-number <account>"),
        ("removalPolicy='{{ policy }}'", "pass --set removalPolicy=<value>"),
        ("restApiConfig.internetFacing=${FACING}", "--set restApiConfig.internetFacing=<value>"),
        ("restApiConfig.containerConfig.environment={K: {valueFrom: 'arn:aws:x'}}", "`arn:aws:x`"),
        ("tags={team: a}", "`- {Key: team, Value: a}`"),
    ],
)
def test_fixes_say_what_to_write(change: str, words: str) -> None:
    (found,) = (one for one in diagnose([change]) if one.code in ("LISA205", "LISA206", "LISA207"))
    assert words in found.fix


def test_texts_without_a_reference_have_no_such_fix() -> None:
    for value in ("us-east", "5$", "a % b", 3, None):
        assert unexpanded_fix(value, ("region",)) is None
