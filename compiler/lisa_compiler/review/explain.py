"""Explain: the settings behind a generated value, and the resources and files that a key affects."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path as FilePath

from lisa_compiler.review.computed_values import describe_computation
from lisa_compiler.review.differences import Name, leaves, shown, shown_path
from lisa_compiler.review.formatting import join_list, pluralize, resource_label
from lisa_compiler.review.output import Output, read_output
from lisa_compiler.review.reach import (
    NAMING,
    PARAMETERS,
    VARIABLE,
    Place,
    general,
    identifiers,
    keys_of_rules,
    places,
    reach,
    variable,
)
from lisa_compiler.review.revisions import WorkingTree
from lisa_compiler.review.settings import Setting, Settings, pattern_of
from lisa_compiler.review.targets import ExplainError, find
from lisa_compiler.review.update_behavior import name_property
from lisa_schema.document import Path, key_path

_PATHS = 4
"""Values of a resource that are listed; further ones are counted."""

_VARIABLE = re.compile(r"\.(?:Environment|Secrets)\[([^\]]+)\]")
_VARIABLE_KEY = re.compile(r"\.environment\.[^.]+\Z")


def explain(project: FilePath, environment: str | None, target: str) -> str:
    """Explain a generated value, or the effect of a key.

    Args:
        project: directory of config.yaml.
        environment: name of the environment; None takes that of config.yaml.
        target: a key (`ecsModels[0].instanceType`), a file below generated/, a logical id (`TokenTable`,
            `serve/TokenTable`, with `.Path.In.Properties`) or the name of a resource.

    Raises:
        ExplainError: there is nothing of that name, or more than one.
    """
    settings = Settings(project, environment)
    output = read_output(WorkingTree(project), settings.environment)
    if output is None:
        raise ExplainError(
            f"generated/{settings.environment} does not exist. Run `lisa compile --env {settings.environment}`."
        )
    explained = _Explained(settings, output)
    path = settings.parse(target)
    lines = explained.key(path) if path is not None else explained.generated(target)
    return "".join(f"{line}\n" for line in lines)


class _Explained:
    """An environment, its settings on one side and its output on the other."""

    def __init__(self, settings: Settings, output: Output) -> None:
        self._settings, self._output = settings, output
        self._names = identifiers(settings.plain) | identifiers(output.configuration())
        self._keys: dict[Place, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for key, found in reach().items():
            for place in found:
                self._keys[place.resource][place.path].append(key)

    def key(self, path: Path) -> Iterator[str]:
        """What a key, or all keys below it, leads to."""
        pattern, owner = pattern_of(path), self._settings.owner_at(path)
        below = [key for key in reach() if key == pattern or key.startswith((f"{pattern}.", f"{pattern}["))]
        name = str(path[-1]) if len(path) > 1 and path[-2] == "environment" else None
        if name is not None:
            below = [f"{pattern.rpartition('.')[0]}.*"]
        elif not below and (above := _nearest(pattern)):
            below = [above]
        setting = self._settings.setting(path)
        yield f"{setting}"
        yield f"  {_where(setting)}"
        yield from self._rules({pattern, *below})
        wanted: dict[Place, set[str]] = defaultdict(set)
        for key in below:
            for place in reach().get(key, ()):
                path_there = place.path.replace(f"[{VARIABLE}]", f"[{name}]") if name else place.path
                wanted[place.resource].add(path_there)
        found = [place for place in places(self._output) if self._is_of(place, owner, pattern)]
        hits = [(place, wanted[own]) for place in found if (own := general(place, self._names).resource) in wanted]
        parameters = [place for place, _ in hits if place.name == PARAMETERS]
        hits = [hit for hit in hits if hit[0].name != PARAMETERS]
        if not hits:
            yield "Affects nothing in this environment's compiled output."
            return
        yield f"Affects {_size_summary([place for place, _ in hits])}:"
        for place, paths in hits:
            if place.component:
                yield f"  {self._title(place)}"
                yield from (f"    {line}" for line in self._values(place, paths))
        yield from (f"  {line}" for line in self._files([place.name for place, _ in hits if not place.component]))
        for place in parameters:
            own = general(place, self._names)
            if own.path in wanted[own.resource]:
                value = self._output.stacks[place.component].parameters[place.path].get("Default")
                yield f"  {place.component}: parameter {place.path} = {shown(value)}"

    def generated(self, target: str) -> Iterator[str]:
        """What led to a file, a resource or a value in one."""
        place = find(self._output, target)
        if place.name == "":
            yield from self._template(place.component)
            return
        own = general(place, self._names)
        yield self._title(place.resource)
        resource = self._output.resources.get((place.component, place.name))
        if resource is None:
            keys = self._keys[own].get("", [])
            yield from self._origins(keys, place, "  ")
            yield from self._rules(set(keys))
            return
        used: set[str] = set()
        constant = 0
        for path, value in leaves(resource.properties):
            text = shown_path(path)
            is_name = len(path) > 1 and isinstance(path[-2], Name) and path[-2] == value
            if is_name or (place.path and not _touch(text, place.path)):
                continue
            there = general(Place(place.component, place.name, text), self._names)
            keys = self._keys_at(there)
            if not [key for key in keys if key not in NAMING] and not place.path:
                constant += not keys
                used.update(keys)
                continue
            yield f"  {text} = {shown(value, 60)}"
            if sentence := describe_computation(there):
                yield f"    {sentence}"
            yield from self._origins(keys, place, "    ")
            if not keys:
                yield "    constant: the same in every environment"
            used.update(keys)
        whole = self._keys[own.resource].get("", [])
        if whole and not place.path:
            yield "  Exists because of:"
            yield from self._origins([key for key in whole if key not in NAMING], place, "    ")
        wide = sorted(used & NAMING)
        if wide and not place.path:
            yield f"  Used in names and addresses: {join_list(wide)}"
        if constant:
            yield f"  {pluralize(constant, 'other value')}: constant, the same in every environment"
        yield from self._rules((used | set(whole)) - NAMING)

    def _template(self, component: str) -> Iterator[str]:
        """What led to the resources of a stack."""
        stack = self._output.stacks[component]
        yield f"{component}: stack {stack.name} with {pluralize(len(stack.resources), 'resource')}"
        reached: dict[Setting, list[str]] = defaultdict(list)
        for logical_id in stack.resources:
            place = Place(component, logical_id)
            keys = {key for found in self._keys[general(place, self._names)].values() for key in found} - NAMING
            for key in _narrowest(key for key in keys if not key.endswith(".*")):
                for setting in self._settings.matching(key, self._entry(key, place)):
                    if setting.is_set:
                        reached[setting].append(logical_id)
        for setting, ids in sorted(reached.items(), key=lambda pair: str(pair[0])):
            shorter = ids if len(ids) <= _PATHS else [*ids[: _PATHS - 1], f"{len(ids) - _PATHS + 1} more"]
            yield f"  {setting}  ({_where(setting)})"
            yield f"    {join_list(shorter)}"

    def _values(self, place: Place, paths: Iterable[str]) -> Iterator[str]:
        """The values in a resource at general paths."""
        resource = self._output.resources.get((place.component, place.name))
        wanted = {path for path in paths if path}
        if resource is None or not wanted:
            return
        if "@Attributes" in wanted:
            sentence = describe_computation(general(Place(place.component, place.name, "@Attributes"), self._names))
            yield f"{join_list(resource.attributes)}{f': {sentence}' if sentence else ''}"
        found = []
        for path, value in leaves(resource.properties):
            there = general(Place(place.component, place.name, shown_path(path)), self._names)
            if any(_touch(there.path, one) for one in wanted):
                sentence = describe_computation(there)
                found.append(f"{shown_path(path)} = {shown(value, 60)}{f'  ({sentence})' if sentence else ''}")
        yield from found[:_PATHS]
        if len(found) > _PATHS:
            yield f"{len(found) - _PATHS} more values"

    def _files(self, paths: list[str]) -> Iterator[str]:
        """Files by folder, as soon as there are many in one."""
        folders: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            folders[path.rpartition("/")[0]].append(path)
        for folder, files in folders.items():
            names = files if len(files) <= _PATHS else [f"{folder}/ ({pluralize(len(files), 'file')})"]
            yield from (f"generated/{self._output.environment}/{name}" for name in names)

    def _keys_at(self, place: Place) -> list[str]:
        """The keys that lead to a place, both in general but for the name of an environment variable."""
        by_path = self._keys[place.resource]
        found = [key for path, keys in by_path.items() if path and _touch(place.path, path) for key in keys]
        if match := _VARIABLE.search(place.path):
            wanted = variable(place, match[1]).path
            keys = [key for path, keys in by_path.items() if path and _touch(wanted, path) for key in keys]
            found += [key.replace("*", match[1]) for key in keys if key.endswith(".*")]
        return list(dict.fromkeys(key for key in found if not key.endswith(".*")))

    def _origins(self, keys: Iterable[str], place: Place, lead: str) -> Iterator[str]:
        """The settings behind keys; those that are not set share one line."""
        unset: list[str] = []
        for key in _narrowest(keys):
            if key in NAMING and not place.path:
                continue
            for setting in self._settings.matching(key, self._entry(key, place)):
                if setting.is_set:
                    yield f"{lead}{setting}  ({_where(setting)})"
                elif not _VARIABLE_KEY.search(key):
                    unset.append(key_path(setting.path))
        if unset:
            yield f"{lead}not set: {', '.join(unset)}"

    def _rules(self, keys: set[str]) -> Iterator[str]:
        rules = [(code, rule) for code, rule in keys_of_rules().items() if keys & set(rule.keys)]
        if rules:
            yield "Rules:"
            yield from (f"  {code} [{rule.name}] {rule.meaning}" for code, rule in rules)

    def _title(self, place: Place) -> str:
        resource = self._output.resources.get((place.component, place.name))
        if resource is None:
            return f"generated/{self._output.environment}/{place.name}"
        name = name_property(resource.type)
        given = resource.properties.get(name) if name else None
        return f"{place.component}/{place.name}: {resource_label(resource.type)}" + (
            f" {given}" if isinstance(given, str) else ""
        )

    def _is_of(self, place: Place, owner: str | None, pattern: str) -> bool:
        """Whether a place is not that of another model or repository than the key's."""
        own = general(place.resource, self._names)
        if owner is None or own == place.resource or "*" not in f"{own.component}{own.name}":
            return True
        kind = pattern.partition("[")[0]
        entry = self._entry(f"{kind}[]", place)
        return entry is not None and owner == self._settings.owner_at((kind, entry))

    def _entry(self, key: str, place: Place) -> int | None:
        """Which entry of a key's list a place belongs to; None when it belongs to none, or to all."""
        kind = key.partition("[")[0]
        if kind not in ("ecsModels", "ragRepositories"):
            return None
        candidates = [place.component.removeprefix("model-")] if place.component.startswith("model-") else []
        candidates += place.name.split("/") if not place.component else []
        candidates += sorted(
            (name for name in self._names if place.name.startswith((f"Model{name}", f"Repository{name}"))),
            key=len,
            reverse=True,
        )
        entries = [self._settings.entry_of(candidate, kind) for candidate in candidates]
        return next((entry for entry in entries if entry is not None), None)


def _narrowest(keys: Iterable[str]) -> list[str]:
    """Keys without those that only hold others of them."""
    own = list(keys)
    return [key for key in own if not any(other.startswith(f"{key}.") for other in own)]


def _nearest(pattern: str) -> str | None:
    """The key above one that the table does not have, such as `environment` of one variable."""
    while "." in pattern:
        pattern = pattern.rpartition(".")[0]
        if pattern in reach():
            return pattern
    return None


def _where(setting: Setting) -> str:
    return setting.origin if setting.origin != "default" else "default (not set)"


def _touch(path: str, other: str) -> bool:
    """Whether one path is the other, or leads to it."""
    return path == other or path.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{path}.", f"{path}["))


def _size_summary(found: list[Place]) -> str:
    resources = [place for place in found if place.component]
    files = len(found) - len(resources)
    stacks = len({place.component for place in resources})
    parts = [f"{pluralize(len(resources), 'resource')} in {pluralize(stacks, 'stack')}"] if resources else []
    return join_list([*parts, *([pluralize(files, "file")] if files else [])])
