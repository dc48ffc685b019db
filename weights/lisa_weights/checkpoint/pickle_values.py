"""The inert values that a pickle is read as, and what the names in it stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_MAX_INTEGER_KEY = 1 << 31

Value = object
"""What a pickle builds: None, bool, int, float, str, bytes, list, tuple, dict, or a record of the caller's table."""


@dataclass(frozen=True, slots=True)
class Builder:
    """An allowed name that can be called: builds an inert value from the arguments.

    Attributes:
        build: receives the arguments; raises WeightsError if they are invalid.
    """

    build: Callable[[tuple[Value, ...]], Value]


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A dictionary key that is neither text nor a small number; only its presence counts."""

    value: Value


class AttributeDict(dict[Value, Value]):
    """An object that has nothing but attributes, such as argparse.Namespace."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A name that is known and not read.

    Attributes:
        reason: what it is and what to do instead, a clause.
    """

    reason: str


def set_items(target: dict[Value, Value], items: Sequence[Value]) -> None:
    """Put alternating keys and values into a dictionary."""
    for key, value in zip(items[::2], items[1::2], strict=True):
        small = isinstance(key, int) and abs(key) < _MAX_INTEGER_KEY
        target[key if small or isinstance(key, str) else Opaque(key)] = value
