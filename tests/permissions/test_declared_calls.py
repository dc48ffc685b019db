"""The form of aws_calls.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from permissions.declared_calls import DeclarationError, programs, read_programs

PROGRAM = {"name": "one", "role": "a/Role", "principal": "lambda"}
CALL = {"call": "s3:GetObject", "resource": "bucket/*"}


def read(**call: Any) -> None:
    list(read_programs({"programs": [{**PROGRAM, "calls": [{**CALL, **call}]}]}))


def test_call_is_read_with_its_defaults() -> None:
    [program] = read_programs({"programs": [{**PROGRAM, "calls": [CALL]}]})
    [call] = program.calls
    assert (call.actions, call.service, call.on, call.is_recorded) == (["s3:GetObject"], "s3", ["bucket/*"], True)


def test_names_of_programs_are_unique() -> None:
    names = [program.name for program in programs()]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"actoins": []}, "unknown keys"),
        ({"resource": "*"}, "because"),
        ({"granted": "bucket*"}, "because"),
    ],
)
def test_bad_declaration_is_an_error(call: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        read(**call)
