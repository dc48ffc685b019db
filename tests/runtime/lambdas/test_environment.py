"""A function's environment variables."""

from __future__ import annotations

import logging

import pytest

from lisa_lambdas.environment import Environment, EnvironmentVariableError, read_environment


class TableEnvironment(Environment):
    table_name: str
    limit: int = 5


def test_variables_become_fields() -> None:
    found = read_environment(TableEnvironment, {"TABLE_NAME": "t", "LIMIT": "7", "PATH": "/bin"})
    assert (found.table_name, found.limit, found.log_level, found.web_origin) == ("t", 7, "INFO", "")


def test_variables_are_the_process_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "mine")
    assert read_environment(TableEnvironment).table_name == "mine"


def test_the_log_level_is_set() -> None:
    read_environment(Environment, {"LOG_LEVEL": "debug"})
    assert logging.getLogger("lisa_lambdas").level == logging.DEBUG


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "TABLE_NAME"),
        ({"TABLE_NAME": "t", "LIMIT": "seven"}, "LIMIT"),
        ({"TABLE_NAME": "t", "LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_a_wrong_variable_is_named_without_its_value(variables: dict[str, str], named: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=named) as caught:
        read_environment(TableEnvironment, variables)
    assert "seven" not in str(caught.value)
