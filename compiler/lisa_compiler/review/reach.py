"""Reach: which keys of the configuration lead to which places of the output.

The table is reach.json, and it was measured: tools/refresh_reach.py compiles the examples once for each key with
another value, and notes what differs. A key stands there without the entry that it is of (`ecsModels[].instanceType`),
and a place without the model or repository that it belongs to (`model-*/ModelTask`), so that both fit any environment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from lisa_compiler.review.differences import Path, shown_path
from lisa_compiler.review.output import Output

ASSEMBLY = "cloudformation/manifest.json"
"""The file that says what is said of stacks beside their templates: their tags."""

PARAMETERS = "@Parameters"
"""Stands for a template's parameters, beside its resources."""

_HASH = re.compile(r"[0-9A-F]{8}\Z")
_DIGEST = re.compile(r"(?<=ApiDeployment)[0-9a-f]{16}\Z")
_NAMED = re.compile(r"\[([^\]]*)\]")
_KINDS = ("Model", "Repository")
"""What a logical id begins with when the name of a model or repository follows."""

ANY = "*"
"""Stands for a model, a repository or a version."""

VARIABLE = "$"
"""Stands for the name of an environment variable."""

NAMING = frozenset({"accountNumber", "appName", "deploymentName", "deploymentPrefix", "deploymentStage", "region"})
"""Keys that nearly every name and address is made of."""


@dataclass(frozen=True, slots=True)
class Place:
    """Something generated.

    Attributes:
        component: component of the stack; empty for a file.
        name: logical id, or the file's path below generated/<env>.
        path: path in the resource's properties; empty for the whole.
    """

    component: str
    name: str
    path: str = ""

    @property
    def resource(self) -> Place:
        """The same without its path."""
        return Place(self.component, self.name)

    def __str__(self) -> str:
        whole = f"{self.component}/{self.name}" if self.component else self.name
        return f"{whole}.{self.path}" if self.path else whole


@dataclass(frozen=True, slots=True)
class LookingRule:
    """A rule across fields.

    Attributes:
        name: its name in kebab case.
        meaning: what must hold, a sentence.
        keys: the keys that it looks at, in general.
    """

    name: str
    meaning: str
    keys: frozenset[str]


def identifiers(configuration: Mapping[str, Any]) -> frozenset[str]:
    """What models and repositories are called in logical ids and paths."""
    models = [model.get("modelId") or model["modelName"] for model in configuration.get("ecsModels", ())]
    repositories = [repository["repositoryId"] for repository in configuration.get("ragRepositories", ())]
    names = {re.sub(r"[^A-Za-z0-9]", "", name) for name in (*models, *repositories)} | {*repositories}
    return frozenset({*names, *(name.lower() for name in names)})


def general(place: Place, names: Iterable[str]) -> Place:
    """Leave out of a place what only tells it from those of other models, repositories and versions."""
    known = set(names)
    component, _, model = place.component.partition("-")
    name = _HASH.sub("", _DIGEST.sub(ANY, place.name))
    if place.component:
        name = next((f"{kind}{ANY}{name.removeprefix(kind + own)}" for kind, own in _owners(name, known)), name)
    else:
        name = "/".join(ANY if part in known else part for part in name.split("/"))
    path = _NAMED.sub(lambda match: f"[{ANY}]" if match[1] in known else match[0], place.path)
    return Place(f"{component}-{ANY}" if component == "model" and model in known else place.component, name, path)


def _owners(name: str, known: Iterable[str]) -> list[tuple[str, str]]:
    """How a logical id begins when it is of one model or repository, the longest name first."""
    found = [(kind, own) for kind in _KINDS for own in known if name.startswith(f"{kind}{own}")]
    return sorted(found, key=lambda pair: -len(pair[1]))


def key_pattern(path: Path) -> str:
    """Leave out of a key which entry it is of: `ecsModels[].instanceType`."""
    return _NAMED.sub("[]", shown_path(path))


def places(output: Output) -> Iterator[Place]:
    """Every resource and file of an output."""
    for component, name in output.resources:
        yield Place(component, name)
    for component, stack in output.stacks.items():
        yield from (Place(component, PARAMETERS, name) for name in stack.parameters)
    files = (path for path in output.digests if path == ASSEMBLY or not path.startswith("cloudformation/"))
    yield from (Place("", path) for path in files)


@cache
def reach() -> Mapping[str, tuple[Place, ...]]:
    """The places that each key leads to, both in general."""
    return {key: tuple(_place(text) for text in found) for key, found in _table()["reach"].items()}


@cache
def keys_of_rules() -> Mapping[str, LookingRule]:
    """What each rule looks at, by the rule's code."""
    return {
        code: LookingRule(name, meaning, frozenset(keys)) for code, (name, meaning, keys) in _table()["rules"].items()
    }


def variable(place: Place, name: str) -> Place:
    """Leave out of a place in a container which environment variable it is of."""
    return Place(place.component, place.name, place.path.replace(f"[{name}]", f"[{VARIABLE}]"))


def written(place: Place) -> str:
    """A place as the table has it: `component|name|path`."""
    return "|".join((place.component, place.name, place.path)).rstrip("|")


def _place(text: str) -> Place:
    component, name, path = (*text.split("|"), "", "")[:3]
    return Place(component, name, path)


@cache
def _table() -> Mapping[str, Any]:
    text = (resources.files("lisa_compiler.review") / "reach.json").read_text(encoding="utf-8")
    return cast("Mapping[str, Any]", json.loads(text))
