"""The index: by resource, property, template parameter and file of an environment, the keys that it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lisa_schema.document import Path

ATTRIBUTES: Final = "@Attributes"
"""Stands for what a resource has beside its properties: DeletionPolicy, UpdatePolicy …"""

PARAMETERS: Final = "@Parameters"
"""Stands for a template's parameters, beside its resources."""

NAMING: Final = frozenset(
    {"accountNumber", "appName", "deploymentName", "deploymentPrefix", "deploymentStage", "region"}
)
"""Keys that nearly every name and address is made of."""

_IDENTIFIERS: Final = frozenset({"modelId", "repositoryId"})
"""Keys of models and repositories that their names are made of."""

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Something generated.

    Attributes:
        component: component of the stack; empty for a file.
        name: logical id, `@Parameters`, or the file's path below generated/<env>.
        path: path in the resource's properties, or a parameter's name; empty for the complete resource.
    """

    component: str
    name: str
    path: str = ""

    @property
    def resource(self) -> Place:
        """The same without its path."""
        return Place(self.component, self.name)


@dataclass(frozen=True, slots=True)
class Index:
    """Where the output of one environment comes from.

    Attributes:
        resources: by resource or file, by path in it, the paths of the keys in the order in which they are in the
            value. A key may be a block. Values without keys are set by LISA.
        unknown: places whose keys are not known: the output is not what the configuration compiles to.
        stacks: by component, the key that adds the stack to the deployment or configures most of it.
        names: identifiers of the models and repositories, by the paths of their entries.
    """

    resources: Mapping[Place, Mapping[str, tuple[Path, ...]]]
    unknown: frozenset[Place] = frozenset()
    stacks: Mapping[str, Path] = field(default_factory=dict)
    names: Mapping[Path, str] = field(default_factory=dict)

    def keys_of(self, place: Place) -> tuple[Path, ...]:
        """The keys of a value and of what is in it; of a complete resource, of all of it."""
        own = self.resources.get(place.resource, {})
        found = (keys for path, keys in own.items() if (path or not place.path) and touches(path, place.path))
        return tuple(dict.fromkeys(key for keys in found for key in keys))

    def places_of(self, key: Path) -> Iterator[Place]:
        """The places that a key, or a key below it, leads to; also those of the blocks that it is in."""
        for resource, paths in self.resources.items():
            for path, keys in paths.items():
                if any(own[: len(key)] == key or key[: len(own)] == own for own in keys):
                    yield Place(resource.component, resource.name, path)

    def governing(self, place: Place) -> Path:
        """The narrowest block that most of a place comes from: where a person looks first.

        Of the keys of the place, those of names and those that add it left out, those in the stack's block decide, else
        those in the block of a model or repository, else the first; of a place without keys, the stack's key. Empty
        when it has none.
        """
        stack = self.stacks.get(place.component, ())
        own = self.resources.get(place.resource, {})
        properties = [path for path in own if path not in ("", ATTRIBUTES)]
        paths = [path for path in properties if touches(path, place.path)] or [path for path in own if not path]
        keys = list(dict.fromkeys(key for path in paths for key in own[path] if not is_naming(key)))
        blocks = list(dict.fromkeys(_block(key) for key in keys))
        if not blocks:
            return stack
        block = next((one for one in blocks if stack and one == _block(stack)), None)
        block = block or next((one for one in blocks if len(one) > 1), blocks[0])
        return _common([key for key in keys if _block(key) == block and key[-1] not in _IDENTIFIERS]) or block

    def shown(self, key: Path) -> str:
        """Write a key as people do: `ecsModels[llama-70b].instanceType`."""
        text = ""
        for length, step in enumerate(key, 1):
            position = isinstance(step, int)
            name = self.names.get(key[:length], step)
            text += f"[{name}]" if position else f".{name}" if text else str(name)
        return text

    def explanation(self, place: Place) -> str:
        """The keys of a value, as people write them; of a complete resource, the block that governs it.

        Names and addresses are told only of a value that is made of nothing else. Empty for what LISA sets, and for
        what is unknown.
        """
        if not place.path:
            return self.shown(self.governing(place))
        keys = widest(self.keys_of(place))
        return ", ".join(self.shown(key) for key in [key for key in keys if not is_naming(key)] or keys)

    def as_data(self) -> dict[str, Any]:
        """The index as JSON data; each key is written once."""
        every = list(dict.fromkeys(key for paths in self.resources.values() for keys in paths.values() for key in keys))
        number = {key: position for position, key in enumerate(every)}
        return {
            "schemaVersion": _FORMAT,
            "keys": [list(key) for key in every],
            "resources": [
                [place.component, place.name, {path: [number[key] for key in keys] for path, keys in paths.items()}]
                for place, paths in self.resources.items()
            ],
            "unknown": sorted([place.component, place.name, place.path] for place in self.unknown),
            "stacks": {component: list(key) for component, key in self.stacks.items()},
            "names": [[list(key), name] for key, name in self.names.items()],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Index:
        """Read what `as_data` gave.

        Raises:
            ValueError: the data has another format.
        """
        if data.get("schemaVersion") != _FORMAT:
            raise ValueError("unknown format of the provenance index")
        every = [tuple(key) for key in data["keys"]]
        return cls(
            resources={
                Place(component, name): {path: tuple(every[n] for n in numbers) for path, numbers in paths.items()}
                for component, name, paths in data["resources"]
            },
            unknown=frozenset(Place(*row) for row in data["unknown"]),
            stacks={component: tuple(key) for component, key in data["stacks"].items()},
            names={tuple(key): name for key, name in data["names"]},
        )


def is_naming(key: Path) -> bool:
    """Whether a key is one that nearly every name is made of."""
    return str(key[0]) in NAMING if key else False


def touches(path: str, other: str) -> bool:
    """Whether one path is the other, or leads to it."""
    return not path or not other or path == other or _leads(path, other) or _leads(other, path)


def _leads(path: str, other: str) -> bool:
    return other.startswith((f"{path}.", f"{path}["))


def _block(key: Path) -> Path:
    """The block of a key: its first step, with the entry of a list."""
    return key[:2] if len(key) > 1 and isinstance(key[1], int) else key[:1]


def widest(keys: Iterable[Path]) -> list[Path]:
    """Keys without those that are in a block among them."""
    own = list(keys)
    return [key for key in own if not any(len(other) < len(key) and key[: len(other)] == other for other in own)]


def _common(keys: Iterable[Path]) -> Path:
    """The longest path that all keys begin with."""
    own = list(keys)
    shortest = min(own, key=len, default=())
    lengths = range(len(shortest), 0, -1)
    return next((shortest[:n] for n in lengths if all(key[:n] == shortest[:n] for key in own)), ())
