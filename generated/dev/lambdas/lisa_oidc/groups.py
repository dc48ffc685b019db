"""The groups of a caller, by the path that `authConfig.jwtGroupsProperty` gives."""

from __future__ import annotations

from typing import Any


def groups_at(claims: Any, path: str) -> tuple[str, ...]:
    """Groups at a dot path of a token's claims, in their order; empty when nothing is there.

    A name may itself hold dots and colons (`cognito:groups`, `https://example.com/groups`): the longest name that is
    there is taken, then the path goes on below it. One text instead of a list is one group.
    """
    found = _at(claims, path.split(".")) if path else None
    if isinstance(found, str):
        return (found,)
    if isinstance(found, list):
        return tuple(group for group in found if isinstance(group, str))
    return ()


def _at(value: Any, names: list[str]) -> Any:
    if not names:
        return value
    if not isinstance(value, dict):
        return None
    for length in range(len(names), 0, -1):
        name = ".".join(names[:length])
        if name in value:
            found = _at(value[name], names[length:])
            if found is not None:
                return found
    return None
