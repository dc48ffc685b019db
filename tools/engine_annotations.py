"""What annotations of vLLM and SGLang mean for their parsers: a number, JSON, one of some words, or any value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PLAIN: Final = {"int": "integer", "float": "number", "str": "text", "bool": "flag", "dict": "json"}


@dataclass(frozen=True)
class Hint:
    """The form of a value: its kind, its words for a choice, limits of a number, and the class of an object."""

    kind: str
    words: frozenset[str] = frozenset()
    limits: str = ""
    owner: str = ""


ANY: Final = Hint("any")


class Annotations:
    """Aliases of types and classes of a release.

    Attributes:
        aliases: what a name stands for; None for one that modules declare differently.
        configurations: classes that the parser makes of a JSON object.
        lenient: those of them that take other JSON too, by a method `from_cli`.
        dictionaries: classes that are dictionaries.
    """

    def __init__(self) -> None:
        self.aliases: dict[str, ast.expr | None] = {}
        self.configurations: set[str] = set()
        self.lenient: set[str] = set()
        self.dictionaries: set[str] = set()

    def add_alias(self, name: str, value: ast.expr) -> None:
        """Note an alias; one that modules declare differently has no meaning."""
        if _is_type(value):
            known = self.aliases.get(name, value)
            same = known is not None and ast.dump(known) == ast.dump(value)
            self.aliases[name] = value if same else None

    def hint(self, node: ast.expr, depth: int = 0) -> Hint:
        """What an annotation means for the parser; `any` for what several kinds of values fit."""
        hints = {one for one in self._parts(node, depth) if one.kind != "none"}
        kinds = {one.kind for one in hints}
        if len(hints) == 1:
            return hints.pop()
        if kinds == {"choice"}:
            return Hint("choice", frozenset().union(*(one.words for one in hints)))
        if "json" in kinds and kinds <= {"json", "object"}:
            return Hint("json")
        if "json" in kinds and kinds <= {"json", "object", "text", "callable"}:
            # The parser reads a text in braces as JSON, and takes any other as it is.
            return Hint("braced")
        return ANY

    def _parts(self, node: ast.expr, depth: int) -> Iterator[Hint]:
        if depth > 8:
            yield ANY
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            yield from self._parts(node.left, depth + 1)
            yield from self._parts(node.right, depth + 1)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                yield from self._parts(ast.parse(node.value, mode="eval").body, depth + 1)
            else:
                yield Hint("none") if node.value is None else ANY
        elif isinstance(node, ast.Subscript):
            yield from self._subscript(node, depth)
        elif isinstance(node, ast.Name):
            yield from self._named(node.id, depth)
        elif isinstance(node, ast.Attribute) and node.attr == "dtype":
            yield Hint("none")  # torch.dtype, which no argument is
        else:
            yield ANY

    def _subscript(self, node: ast.Subscript, depth: int) -> Iterator[Hint]:
        outer = getattr(node.value, "id", getattr(node.value, "attr", ""))
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer == "Literal":
            named = [one for one in parts if isinstance(one, ast.Name)]
            values = [one.value for one in parts if isinstance(one, ast.Constant)]
            if named:  # Literal["auto", Other], where Other is a Literal
                inner = [hint for one in named for hint in self._named(one.id, depth + 1)]
                words = frozenset(map(str, values)).union(*(hint.words for hint in inner))
                clear = len(values) + len(named) == len(parts) and all(hint.kind == "choice" for hint in inner)
                yield Hint("choice", words) if clear else ANY
            elif len(values) == len(parts) and len({type(one) for one in values}) == 1:
                yield Hint("choice", frozenset(map(str, values)))
            else:
                yield ANY
        elif outer in {"Annotated", "SkipValidation"}:
            yield from self._parts(parts[0], depth + 1)
        elif outer == "Optional":
            yield Hint("none")
            yield from self._parts(parts[0], depth + 1)
        elif outer == "Union":
            for one in parts:
                yield from self._parts(one, depth + 1)
        elif outer in {"dict", "Dict"}:
            yield Hint("json")
        elif outer == "Callable":
            yield Hint("callable")
        else:
            yield ANY

    def _named(self, name: str, depth: int) -> Iterator[Hint]:
        alias = self.aliases.get(name)
        if name in _PLAIN:
            yield Hint(_PLAIN[name])
        elif name in self.aliases:
            if alias is None:
                yield ANY
            else:
                yield from self._parts(alias, depth + 1)
        elif name in self.dictionaries:
            yield Hint("json")
        elif name == "Callable":
            yield Hint("callable")
        elif name.endswith("Config") and name in self.configurations:
            yield Hint("json") if name in self.lenient else Hint("object", owner=name)
        elif name[:1].isupper() and name not in {"Any", "Path"}:
            yield Hint("callable")  # A class of the engine, which no text is.
        else:
            yield ANY


def _is_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        outer = getattr(node.value, "id", "")
        return outer in {"Literal", "Union", "Optional", "Annotated", "SkipValidation", "dict", "Dict"}
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)
