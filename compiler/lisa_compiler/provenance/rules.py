"""Which keys each configuration rule reads, found by running the rules on a configuration that records its reads."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from lisa_schema.models.base import ConfigModel, Passthrough
from lisa_schema.rules import registered_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lisa_schema.document import Path
    from lisa_schema.models import Config
    from lisa_schema.rules import Rule


def keys_of_rules(config: Config) -> Mapping[Rule, frozenset[Path]]:
    """Return the keys that each rule reads of a configuration, by rule in order of code.

    A rule that stops early, because it does not apply to this configuration, has the keys that it read until then.
    Not for several threads: the classes of the configuration record reads meanwhile.
    """
    read: set[Path] = set()
    found = {}
    with _recording(dict(_blocks(config, ())), read):
        for rule in registered_rules():
            read.clear()
            for _ in rule.check(config):
                pass
            found[rule] = frozenset(read)
    return found


def _blocks(value: Any, path: Path) -> Iterator[tuple[int, Path]]:
    """The path of each block, by the block's identity."""
    if isinstance(value, BaseModel):
        yield id(value), path
        for name, field in type(value).model_fields.items():
            yield from _blocks(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _blocks(item, (*path, index))


@contextmanager
def _recording(blocks: Mapping[int, Path], read: set[Path]) -> Iterator[None]:
    """Have blocks record the keys that are read of them, without those of other blocks."""

    def recorded(self: BaseModel, name: str) -> Any:
        value = object.__getattribute__(self, name)
        path = blocks.get(id(self))
        field = type(self).model_fields.get(name) if path is not None and not name.startswith("_") else None
        if field is not None and path is not None and not _holds_blocks(value):
            read.add((*path, field.alias or name))
        return value

    classes: tuple[Any, ...] = (ConfigModel, Passthrough)
    for own in classes:
        own.__getattribute__ = recorded
    try:
        yield
    finally:
        for own in classes:
            del own.__getattribute__


def _holds_blocks(value: Any) -> bool:
    """Whether a value is a block, or a list of blocks, whose own keys are recorded."""
    return isinstance(value, BaseModel) or (isinstance(value, tuple) and any(isinstance(v, BaseModel) for v in value))
