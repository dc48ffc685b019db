"""Mutants that behave as the original, whatever tests there are, and that are therefore not made."""

from __future__ import annotations

import ast
import re

# `is` for `==` and the reverse: equal interned strings and enumeration members are identical. Annotations are texts
# under `from __future__ import annotations`, and decorators are what the tests of a framework find, not ours.
_SAME = re.compile(r"core/(ReplaceComparisonOperator_(Eq_Is|NotEq_IsNot|Is_Eq|IsNot_NotEq)|RemoveDecorator)")


def is_equivalent_operator(operator: str) -> bool:
    """Whether a mutation operator of Cosmic Ray changes nothing that a test can observe."""
    return _SAME.fullmatch(operator) is not None


def unobservable_lines(source: str) -> frozenset[tuple[int, int]]:
    """Positions (line, column) of code whose mutants no test can observe.

    These are annotations and `if TYPE_CHECKING:` with its block, which only type checkers evaluate, and the arguments
    `frozen`, `slots` and `kw_only` of a dataclass: mypy rejects what they forbid, and what it accepts behaves the same
    without.
    """
    tree = ast.parse(source)
    nodes: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            nodes.append(node.annotation)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            nodes.append(node.returns)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            nodes.extend((node.test, *node.body))
        if isinstance(node, ast.ClassDef):
            nodes.extend(_static_arguments(node))
    lines = source.splitlines()
    positions: set[tuple[int, int]] = set()
    for node in nodes:
        first, last = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
        for line in range(first[0], last[0] + 1):
            begin = first[1] if line == first[0] else 0
            end = last[1] if line == last[0] else len(lines[line - 1])
            positions.update((line, column) for column in range(begin, end + 1))
    return frozenset(positions)


def _static_arguments(node: ast.ClassDef) -> list[ast.AST]:
    return [
        argument.value
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "dataclass"
        for argument in decorator.keywords
        if argument.arg in {"frozen", "slots", "kw_only"}
    ]
