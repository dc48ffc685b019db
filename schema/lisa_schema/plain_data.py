"""Plain data, as JSON and YAML have it: mappings, sequences and scalars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lisa_schema.document import Path


def texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Yield every text below a value with its path, in the order of the data.

    Args:
        path: the path of the value.
        value: plain data; tuples are walked as lists are, since `model_dump` keeps them.
    """
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from texts((*path, str(key)), inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from texts((*path, index), inner)
