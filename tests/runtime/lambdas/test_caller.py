"""The caller in a request's context."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_lambdas.caller import Caller, caller_of
from lisa_lambdas.errors import ForbiddenError, UnauthorizedError


def event(**context: Any) -> dict[str, Any]:
    return {"requestContext": {"authorizer": context}}


def test_a_caller_is_read() -> None:
    found = caller_of(event(principalId="s", username="ann", isAdmin="true"))
    assert found == Caller(subject="s", username="ann", is_admin=True)


@pytest.mark.parametrize("said", [None, "", "x", "{}", "7", "[1, null]", '{"a": "admins"}', 7])
def test_groups_that_are_no_list_of_texts_are_none(said: object) -> None:
    assert caller_of(event(principalId="s", groups=said)).groups == ()


@pytest.mark.parametrize("said", ["false", "", "no", "1", None])
def test_only_true_makes_an_administrator(said: str | None) -> None:
    caller = caller_of(event(principalId="s", isAdmin=said))
    assert not caller.is_admin
    with pytest.raises(ForbiddenError):
        caller.must_be_admin()


def test_an_administrator_may() -> None:
    caller_of(event(principalId="s", isAdmin="true")).must_be_admin()


def test_without_a_username_the_subject_is_shown() -> None:
    assert caller_of(event(principalId="s")).username == "s"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"requestContext": None},
        {"requestContext": {}},
        {"requestContext": {"authorizer": "x"}},
        event(),
        event(principalId=1),
    ],
)
def test_nobody_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UnauthorizedError):
        caller_of(given)
