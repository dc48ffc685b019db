"""Provenance: values of the configuration that carry the keys they came from, through planning and emission.

A marked configuration equals the configuration that it was made from, but each of its texts ends in a character that
stands for the text's key, and each of its integers holds the number of its key in its upper bits. Formatting and
concatenation keep the characters, and whatever is written (a template, a file) holds them where the values went.
The characters are of a private-use plane of Unicode, which no configuration has.

Comparisons, lookups and arithmetic see the value alone. Code that reads a text's characters (a pattern, a length, a
path) takes `bare(text)`; a value that is computed from others carries their keys by `following`.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_schema.document import Path
    from lisa_schema.models import Config

T = TypeVar("T")

RECORDED_KEYS = "lisa:keys"
"""Metadata of a resource in a trace: by path, the keys that decide a value without being written in it."""

_FIRST = 0xF0000
_LAST = 0x10FFFD
_MARKS = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]")
_BITS = 32
_LOW = (1 << _BITS) - 1
_OFFSET = 256
"""Added to a key's number in an integer, so that a marked one has 13 digits at least and an account's number never
looks like one."""

_ESCAPED = re.compile(r"\\+u(db[89a-f][0-9a-f])\\+u(d[c-f][0-9a-f]{2})")
"""A mark in a text that is JSON in ASCII."""

_DIGITS = re.compile(r"(?<![0-9A-Za-z.])[0-9]{13,16}(?![0-9A-Za-z])")


def bare(text: str) -> str:
    """A text without marks, as a plain `str`."""
    return str.__str__(text) if text.isascii() else _MARKS.sub("", text)


class MarkedText(str):
    """A text that ends in the marks of its keys; equal to the text without them."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return bare(self) == (bare(other) if isinstance(other, str) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(bare(self))

    def __len__(self) -> int:
        return len(bare(self))


class MarkedNumber(int):
    """A number from 0 to 2³² - 1 with the mark of its key above it; a plain number to whatever computes with it."""

    __slots__ = ()

    @classmethod
    def of(cls, value: int, mark: int) -> Self:
        """Mark a number.

        Args:
            value: the number.
            mark: the number of its key.
        """
        return cls(value | (mark + _OFFSET) << _BITS)

    @property
    def value(self) -> int:
        """The number itself."""
        return int.__and__(self, _LOW)

    @property
    def mark(self) -> int:
        """The number of its key."""
        return int.__rshift__(self, _BITS) - _OFFSET

    def __str__(self) -> str:
        return f"{self.value}{chr(_FIRST + self.mark)}"

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}}{chr(_FIRST + self.mark)}"

    def __int__(self) -> int:
        return self.value

    def __bool__(self) -> bool:
        return bool(self.value)

    def __hash__(self) -> int:
        return hash(self.value)


def _on_value(name: str) -> Callable[[MarkedNumber, Any], Any]:
    def operator(self: MarkedNumber, other: Any) -> Any:
        plain = other.value if isinstance(other, MarkedNumber) else other
        return getattr(self.value, name)(plain)

    return operator


for _name in ("add", "eq", "floordiv", "ge", "gt", "le", "lt", "mod", "mul", "ne", "radd", "rfloordiv", "rmod"):
    setattr(MarkedNumber, f"__{_name}__", _on_value(f"__{_name}__"))
for _name in ("rmul", "rsub", "rtruediv", "sub", "truediv"):
    setattr(MarkedNumber, f"__{_name}__", _on_value(f"__{_name}__"))


def marks_of(value: Any) -> list[int]:
    """The numbers of the keys that a text or number carries, and of those in a text that is JSON."""
    if isinstance(value, MarkedNumber):
        return [value.mark]
    if isinstance(value, int) and not isinstance(value, bool) and value >> _BITS >= _OFFSET:
        return [(value >> _BITS) - _OFFSET]
    if not isinstance(value, str):
        return []
    value = _unescaped(value)
    numbers = [(int(digits) >> _BITS) - _OFFSET for digits in _DIGITS.findall(value)]
    return [*(ord(mark) - _FIRST for mark in _MARKS.findall(value)), *(n for n in numbers if n >= 0)]


def without_marks(value: Any) -> Any:
    """A text or number as it would be without marks, the numbers in a text that is JSON among them."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__and__(value, _LOW) if int.__rshift__(value, _BITS) >= _OFFSET else value
    return _DIGITS.sub(lambda found: _number(found[0]), bare(_unescaped(value))) if isinstance(value, str) else value


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda pair: bytes.fromhex(pair[1] + pair[2]).decode("utf-16-be"), text)


def _number(digits: str) -> str:
    number = int(digits)
    return str(number & _LOW) if number >> _BITS >= _OFFSET else digits


def following(value: T, *sources: object) -> T:
    """A value that was computed from others, with the keys that these carry: a text, or a number from one key."""
    marks = [mark for source in sources for mark in marks_of(source)]
    if not marks:
        return value
    if isinstance(value, str):
        return MarkedText(value + "".join(chr(_FIRST + mark) for mark in dict.fromkeys(marks)))  # type: ignore[return-value]
    if isinstance(value, int) and not isinstance(value, bool):
        return MarkedNumber.of(value, marks[0])  # type: ignore[return-value]
    return value


def unmarked(value: T) -> T:
    """A configuration, or a part of it, whose values carry no keys."""
    plain: Any = value
    if isinstance(value, BaseModel):
        fields = {name: unmarked(getattr(value, name)) for name in type(value).model_fields}
        plain = value.model_copy(
            update=fields | {key: unmarked(item) for key, item in (value.model_extra or {}).items()}
        )
    elif isinstance(value, MarkedText | MarkedNumber):
        plain = bare(value) if isinstance(value, MarkedText) else value.value
    elif isinstance(value, tuple | list):
        plain = type(value)(map(unmarked, value))
    elif isinstance(value, dict):
        plain = {key: unmarked(item) for key, item in value.items()}
    return cast("T", plain)


def carries_keys(function: Callable[..., str]) -> Callable[..., str]:
    """Have a function of texts see them without marks, and its result carry their keys."""

    @wraps(function)
    def carrying(*arguments: Any) -> str:
        if all(argument.isascii() for argument in arguments if isinstance(argument, str)):
            return function(*arguments)
        plain = [bare(argument) if isinstance(argument, str) else argument for argument in arguments]
        return following(function(*plain), *(argument for argument in arguments if isinstance(argument, str)))

    return carrying


class Keys:
    """The keys of a configuration by number.

    Attributes:
        paths: the path of each key, by its number.
    """

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self._numbers: dict[Path, int] = {}
        self._switches = False

    def mark(self, config: Config, *, switches: bool = False) -> Config:
        """A configuration whose texts and integers carry their keys.

        Args:
            config: the configuration.
            switches: whether true, false and fractions carry theirs too, as integers: for files alone, since the CDK
                takes no number for true.
        """
        self._switches = switches
        marked: Config = self._block(config, ())
        named = (marked.deployment_stage, marked.deployment_name, marked.app_name)
        if config.deployment_prefix == "/".join(["", *map(bare, named)]):  # the default
            prefix = following(str(config.deployment_prefix), *named)
            marked = marked.model_copy(update={"deployment_prefix": prefix})
        if "tags" not in config.model_fields_set:
            facts = (*named, marked.region, marked.deployment_prefix)
            sources = {bare(fact): fact for fact in facts}
            tags = [tag.model_copy(update={"value": sources.get(tag.value, tag.value)}) for tag in config.tags]
            marked = marked.model_copy(update={"tags": tuple(tags)})
        return marked

    def _block(self, block: Any, path: Path) -> Any:
        changes = {}
        for name, field in type(block).model_fields.items():
            if get_origin(field.annotation) is not Literal:  # what tells variants apart is compared, never written
                changes[name] = self._value(getattr(block, name), (*path, field.alias or name))
        for name, value in (block.model_extra or {}).items():
            changes[name] = self._value(value, (*path, name))
        return block.model_copy(update=changes)

    def _value(self, value: Any, path: Path) -> Any:
        if isinstance(value, BaseModel):
            return self._block(value, path)
        if isinstance(value, tuple | list):
            blocks = any(isinstance(item, BaseModel) for item in value)
            # A list of texts is one value: a person sets it as one.
            return type(value)(self._value(item, (*path, n) if blocks else path) for n, item in enumerate(value))
        if isinstance(value, dict):
            return {key: self._value(item, (*path, key)) for key, item in value.items()}
        return self._leaf(value, path)

    def _leaf(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            text = value.value if isinstance(value, Enum) else value
            return MarkedText(text + chr(_FIRST + self._number_of(path)))
        is_marked = isinstance(value, int | float) if self._switches else type(value) is int
        return MarkedNumber.of(int(value), self._number_of(path)) if is_marked and 0 <= value <= _LOW else value

    def _number_of(self, path: Path) -> int:
        if path not in self._numbers:
            self._numbers[path] = len(self.paths)
            self.paths.append(path)
        return self._numbers[path]
