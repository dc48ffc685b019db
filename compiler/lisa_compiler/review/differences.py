"""Differences between two JSON values, leaf by leaf; lists of named entries are compared by name, not by position."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Path = tuple[str | int, ...]
"""Keys, positions, and the names of entries of lists."""


class Name(str):
    """A step into a list, by the name of an entry."""

    __slots__ = ()


ABSENT: Final = object()
"""Stands for a value on the side that does not have it."""

_NAMES = (
    "Name",
    "Key",
    "Sid",
    "PolicyName",
    "name",
    "modelId",
    "modelName",
    "repositoryId",
    "model_name",
    "DeviceName",
)
"""Keys that name an entry of a list, when every entry has a different one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf, or one whole branch that only one side has.

    Attributes:
        path: keys, positions and names of entries.
        before: value, or ABSENT.
        after: value, or ABSENT.
    """

    path: Path
    before: Any
    after: Any


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[Difference]:
    """Walk over what differs between two values."""
    if before == after and type(before) is type(after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _entries(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        old, new = by_name(before), by_name(after)
        if old is not None and new is not None:
            yield from _entries(old, new, path)
        elif len(before) == len(after):
            for index, pair in enumerate(zip(before, after, strict=True)):
                yield from differences(*pair, (*path, index))
        else:
            yield Difference(path, before, after)
    else:
        yield Difference(path, before, after)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Walk over the values that are neither mappings nor lists, and over what CloudFormation computes."""
    if isinstance(value, Mapping) and not is_function(value):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        named = by_name(value)
        for step, item in named.items() if named is not None else enumerate(value):
            yield from leaves(item, (*path, step))
    else:
        yield path, value


def is_function(value: Mapping[str, Any]) -> bool:
    """Tell whether a value is a function of CloudFormation, whose result is one value."""
    return len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))


def path_at(value: Any, steps: Sequence[str]) -> Path:
    """Return a path of keys and positions, as CloudFormation writes it, with the names of entries of lists."""
    path: list[str | int] = []
    for step in steps:
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            names: list[str | int] = list(by_name(value) or range(len(value)))
            path.append(names[int(step)])
            value = value[int(step)]
        else:
            path.append(step)
            value = value.get(step) if isinstance(value, Mapping) else None
    return tuple(path)


def shown_path(path: Path) -> str:
    """Write a path: `LaunchTemplateData.InstanceType`, `ContainerDefinitions[app].Environment[THREADS].Value`."""
    text = ""
    for step in path:
        is_key = isinstance(step, str) and not isinstance(step, Name)
        text += (f".{step}" if text else str(step)) if is_key else f"[{step}]"
    return text


def shown(value: Any, width: int = 80) -> str:
    """Write a value in a line: text as it is, references as `${…}`, the rest as JSON; cut to a width."""
    if value is ABSENT:
        return "nothing"
    text = _reference(value)
    if text is None:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(str(text).split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _reference(value: Any) -> str | None:
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((function, argument),) = value.items()
    if function == "Ref":
        return f"${{{argument}}}"
    if function == "Fn::GetAtt":
        return f"${{{'.'.join(argument) if isinstance(argument, list) else argument}}}"
    if function == "Fn::Sub":
        return str(argument[0] if isinstance(argument, list) else argument)
    if function == "Fn::Join" and isinstance(argument, list) and isinstance(argument[1], list):
        return str(argument[0]).join(_reference(part) or str(part) for part in argument[1])
    return None


def _entries(before: Mapping[str, Any], after: Mapping[str, Any], path: Path) -> Iterator[Difference]:
    for key in dict.fromkeys([*before, *after]):
        if key not in before or key not in after:
            yield Difference((*path, key), before.get(key, ABSENT), after.get(key, ABSENT))
        else:
            yield from differences(before[key], after[key], (*path, key))


def by_name(entries: Sequence[Any]) -> dict[str, Any] | None:
    """Return entries by the first key that names each of them; None when no key does."""
    if not all(isinstance(entry, Mapping) for entry in entries):
        return None
    for key in _NAMES:
        named: dict[str, Any] = {Name(entry[key]): entry for entry in entries if isinstance(entry.get(key), str)}
        if len(named) == len(entries):
            return named
    return None
