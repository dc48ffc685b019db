"""Traced output: templates and files with marks, beside those that were compiled, and the keys of each value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from lisa_compiler.emit.cloudformation.assembly import API_DEFINITION
from lisa_compiler.plan.provenance import RECORDED_KEYS, marks_of, without_marks
from lisa_compiler.provenance.index import ATTRIBUTES, PARAMETERS, Place
from lisa_compiler.review.differences import Path as ValuePath
from lisa_compiler.review.differences import by_name, is_function, shown_path

if TYPE_CHECKING:
    from lisa_compiler.plan.provenance import Keys
    from lisa_schema.document import Path

FOLDER: Final = "cloudformation/"
TEMPLATE: Final = ".template.json"

_ASSEMBLY: Final = f"{FOLDER}manifest.json"
_API_DEPLOYMENT: Final = f"{FOLDER}api-deployment{TEMPLATE}"
_API_DEPLOYMENT_ID: Final = re.compile(r"ApiDeployment[0-9a-f]{16}")
_NO_TEMPLATE: Final = b'{"Resources": {}}'

Template = Mapping[str, Any]
Traced = dict[str, tuple["Path", ...]]


class TracedOutput:
    """The keys of an output, read from the marks in a traced one.

    Attributes:
        resources: by resource or file, by path in it, the keys.
        unknown: places with another value than in the traced output.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.resources: dict[Place, Traced] = {}
        self.unknown: set[Place] = set()

    def read(self, traced: Mapping[str, bytes], compiled: Mapping[str, bytes]) -> None:
        """Read all files: those of a traced emission, and those in generated/<env>."""
        named = self._name_api_deployment(traced, compiled)
        for path, content in named.items():
            if path.startswith(FOLDER) and path.endswith(TEMPLATE):
                component = path.removeprefix(FOLDER).removesuffix(TEMPLATE)
                template = json.loads(compiled.get(path, _NO_TEMPLATE))
                self._read_resources(component, template, json.loads(content))
                self._read_parameters(component, template, json.loads(content))
            elif path == _ASSEMBLY or not path.startswith(FOLDER):
                found = self._paths(marks_of(content.decode(errors="replace")))
                self.resources[Place("", path)] = {"": found} if found else {}

    def switch(self, switches: Mapping[str, tuple[Path, ...]]) -> None:
        """Add the keys that decide whether stacks, by component, and files, by folder, are in the output."""
        for place, found in self.resources.items():
            folder = place.name.rpartition("/")[0]
            keys = switches.get(place.component or folder, ())
            if keys and place.name != PARAMETERS:
                found[""] = tuple(dict.fromkeys((*found.get("", ()), *keys)))

    def _read_resources(self, component: str, template: Template, traced: Template) -> None:
        for logical_id, resource in template["Resources"].items():
            own = traced["Resources"].get(logical_id)
            if own is None:
                self.unknown.add(Place(component, logical_id))
                continue
            found: Traced = {}
            for path, marks in _values(resource.get("Properties", {}), own.get("Properties", {})):
                if marks is None:
                    self.unknown.add(Place(component, logical_id, shown_path(path)))
                elif marks:
                    found[shown_path(path)] = self._paths(marks)
            attributes = [own.get(name) for name in resource if name not in ("Type", "Properties", "Metadata")]
            if marks := _every_mark(attributes):
                found[ATTRIBUTES] = self._paths(marks)
            for path, keys in own.get("Metadata", {}).get(RECORDED_KEYS, {}).items():
                found[path] = tuple(dict.fromkeys((*found.get(path, ()), *map(tuple, keys))))
            self.resources[Place(component, logical_id)] = found

    def _read_parameters(self, component: str, template: Template, traced: Template) -> None:
        found = {
            name: self._paths(marks)
            for name in template.get("Parameters", {})
            if (marks := _every_mark(traced.get("Parameters", {}).get(name)))
        }
        if found:
            self.resources[Place(component, PARAMETERS)] = found

    def _paths(self, marks: Iterable[int]) -> tuple[Path, ...]:
        paths = self._keys.paths
        return tuple(dict.fromkeys(paths[mark] for mark in marks if mark < len(paths)))

    def _name_api_deployment(self, traced: Mapping[str, bytes], compiled: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Give the API's deployment, which the digest of the API names, the name that it has in the output.

        The keys of the API's definition are recorded for it.
        """
        named = _API_DEPLOYMENT_ID.search(compiled.get(_API_DEPLOYMENT, b"").decode())
        if named is None or _API_DEPLOYMENT not in traced:
            return traced
        definition = [
            resource
            for path, content in traced.items()
            if path.endswith(TEMPLATE)
            for resource in json.loads(content)["Resources"].values()
            if resource["Type"] in API_DEFINITION
        ]
        keys = [list(key) for key in self._paths(_every_mark(definition))]
        template = json.loads(_API_DEPLOYMENT_ID.sub(named[0], traced[_API_DEPLOYMENT].decode()))
        for logical_id, path in ((named[0], ""), ("Stage", "DeploymentId")):
            template["Resources"][logical_id]["Metadata"] = {RECORDED_KEYS: {path: keys}}
        return {**traced, _API_DEPLOYMENT: json.dumps(template).encode()}


def _values(value: Any, traced: Any, path: ValuePath = ()) -> Iterator[tuple[ValuePath, list[int] | None]]:
    """The values of a resource with their marks; None where the traced value is another one."""
    if isinstance(value, Mapping) and not is_function(value) and isinstance(traced, Mapping):
        own = {without_marks(key): (key, item) for key, item in traced.items()}
        for key, item in value.items():
            name, other = own.get(key, ("", None))
            for at, marks in _values(item, other, (*path, key)):
                yield at, None if marks is None else [*marks_of(name), *marks]
    elif isinstance(value, list) and isinstance(traced, list) and len(value) == len(traced):
        named = by_name(value)
        steps: list[str | int] = list(range(len(value)) if named is None else named)
        for step, item, other in zip(steps, value, traced, strict=True):
            yield from _values(item, other, (*path, step))
    else:
        yield path, _every_mark(traced) if _bare(traced) == value else None


def _every_mark(value: Any) -> list[int]:
    if isinstance(value, Mapping):
        return [mark for key, item in value.items() for mark in (*marks_of(key), *_every_mark(item))]
    if isinstance(value, list):
        return [mark for item in value for mark in _every_mark(item)]
    return marks_of(value)


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {without_marks(key): _bare(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return without_marks(value)
