"""What the variables of vLLM take, read from the source of a release without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from engine_annotations import Hint

_CONVERTERS: Final = {
    "int": "integer",
    "maybe_convert_int": "integer",
    "maybe_convert_bool": "integer",
    "float": "number",
}
"""What vLLM reads variables with, and the form of what each takes."""


def variable_hints(tree: ast.Module) -> dict[str, Hint]:
    """Read what vLLM's variables take from its table `environment_variables`; other values raise an error there."""
    found: dict[str, Hint] = {}
    for node in tree.body:
        name, table = _assigned(node)
        if name != "environment_variables" or not isinstance(table, ast.Dict):
            continue
        for key, value in zip(table.keys, table.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                continue
            hints = {hint for call in ast.walk(value) if (hint := _read_as(call, key.value)) is not None}
            if len(hints) == 1:
                found[key.value] = hints.pop()
    return found


def _read_as(call: ast.AST, variable: str) -> Hint | None:
    """What a call converts a variable to; None for calls that do not read it."""
    if not isinstance(call, ast.Call) or not call.args:
        return None
    function = getattr(call.func, "id", "")
    if function == "env_with_choices" and _is_named(call.args[0], variable) and len(call.args) == 3:
        words = call.args[2]
        if isinstance(words, ast.List) and not call.keywords:
            return Hint("choice", frozenset(_constants(words)))
        return None
    read = call.args[0]
    kind = _CONVERTERS.get(function)
    if kind is None or not isinstance(read, ast.Call | ast.Subscript):
        return None
    named = read.slice if isinstance(read, ast.Subscript) else (read.args or [None])[0]
    source = read.value if isinstance(read, ast.Subscript) else read.func
    names = {part.attr for part in ast.walk(source) if isinstance(part, ast.Attribute)}
    is_environment = bool(names & {"getenv", "environ"}) and names <= {"getenv", "environ", "get"}
    return Hint(kind) if is_environment and _is_named(named, variable) else None


def _is_named(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == name


def _assigned(node: ast.AST) -> tuple[str, ast.expr | None]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return getattr(node.targets[0], "id", ""), node.value
    if isinstance(node, ast.AnnAssign):
        return getattr(node.target, "id", ""), node.value
    return "", None


def _constants(words: ast.List) -> Iterator[str]:
    return (one.value for one in words.elts if isinstance(one, ast.Constant) and isinstance(one.value, str))
