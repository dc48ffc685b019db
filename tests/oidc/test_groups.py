"""Where a token has its groups."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_oidc import groups_at


@pytest.mark.parametrize(
    ("claims", "path", "groups"),
    [
        ({"groups": ["a", "b"]}, "groups", ("a", "b")),
        ({"cognito:groups": ["a"]}, "cognito:groups", ("a",)),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"https://example.com/groups": ["a"]}, "https://example.com/groups", ("a",)),
        ({"resource_access": {"my.app": {"roles": ["a"]}}}, "resource_access.my.app.roles", ("a",)),
        ({"a.b": {"c": ["long"]}, "a": {"b": {"c": ["short"]}}}, "a.b.c", ("long",)),
        ({"a.b": {}, "a": {"b": {"c": ["short"]}}}, "a.b.c", ("short",)),
        ({"groups": "a b"}, "groups", ("a b",)),
        ({"groups": ["a", 1, None]}, "groups", ("a",)),
        ({"groups": {"a": True}}, "groups", ()),
        ({"groups": None}, "groups", ()),
        ({"groups": ["a"]}, "", ()),
        ({"groups": ["a"]}, "groups.roles", ()),
        ({}, "realm_access.roles", ()),
    ],
)
def test_groups(claims: dict[str, Any], path: str, groups: tuple[str, ...]) -> None:
    assert groups_at(claims, path) == groups
