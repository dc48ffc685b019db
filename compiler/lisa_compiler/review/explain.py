"""Explain: the settings behind a generated value, and the resources and files that a key affects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from lisa_compiler.provenance.index import ATTRIBUTES, NAMING, PARAMETERS, Index, Place, is_naming, touches, widest
from lisa_compiler.review.computed_values import describe_computation
from lisa_compiler.review.differences import Name, leaves, shown, shown_path
from lisa_compiler.review.formatting import join_list, pluralize, resource_label
from lisa_compiler.review.output import Output, read_output
from lisa_compiler.review.revisions import WorkingTree
from lisa_compiler.review.settings import Setting, Settings
from lisa_compiler.review.targets import ExplainError, find
from lisa_compiler.review.update_behavior import name_property
from lisa_schema.document import Path, key_path

if TYPE_CHECKING:
    from lisa_schema.rules import Rule

_PATHS = 4
"""Values of a resource that are listed; further ones are counted."""

_UNKNOWN = "unknown: the output is not what the configuration compiles to"


def explain(
    project: FilePath, environment: str | None, target: str, index: Index, rules: Mapping[Rule, frozenset[Path]]
) -> str:
    """Explain a generated value, or the effect of a key.

    Args:
        project: directory of config.yaml.
        environment: name of the environment; None takes that of config.yaml.
        target: a key (`ecsModels[0].instanceType`), a file below generated/, a logical id (`TokenTable`,
            `serve/TokenTable`, with `.Path.In.Properties`) or the name of a resource.
        index: where the environment's output comes from.
        rules: the keys that each rule reads.

    Raises:
        ExplainError: there is nothing of that name, or more than one.
    """
    settings = Settings(project, environment)
    explained = _Explained(settings, output_of(project, settings.environment), index, rules)
    path = settings.parse(target)
    lines = explained.key(path) if path is not None else explained.generated(target)
    return "".join(f"{line}\n" for line in lines)


def output_of(project: FilePath, environment: str) -> Output:
    """Read what is compiled for an environment.

    Raises:
        ExplainError: there is none.
    """
    output = read_output(WorkingTree(project), environment)
    if output is None:
        raise ExplainError(f"generated/{environment} does not exist. Run `lisa compile --env {environment}`.")
    return output


class _Explained:
    """An environment, its settings on one side and its output on the other."""

    def __init__(self, settings: Settings, output: Output, index: Index, rules: Mapping[Rule, frozenset[Path]]) -> None:
        self._settings, self._output, self._index, self._rule_keys = settings, output, index, rules

    def key(self, path: Path) -> Iterator[str]:
        """What a key, or all keys below it, leads to."""
        setting = self._settings.setting(path)
        yield f"{setting}"
        yield f"  {_where(setting)}"
        yield from self._rules([path])
        found: dict[Place, list[str]] = defaultdict(list)
        for place in self._index.places_of(path):
            found[place.resource].append(place.path)
        files = [place.name for place in found if not place.component]
        parameters = [place for place in found if place.name == PARAMETERS]
        resources = [place for place in found if place.component and place.name != PARAMETERS]
        if not found:
            yield "Affects nothing in this environment's compiled output."
            return
        yield f"Affects {_size_summary(resources, files)}:"
        for place in resources:
            yield f"  {self._title(place)}"
            yield from (f"    {line}" for line in self._values(place, found[place]))
        yield from (f"  {line}" for line in self._files(files))
        for place in parameters:
            for name in found[place]:
                value = self._output.stacks[place.component].parameters[name].get("Default")
                yield f"  {place.component}: parameter {name} = {shown(value)}"

    def generated(self, target: str) -> Iterator[str]:
        """What led to a file, a resource or a value in one."""
        place = find(self._output, target)
        if place.name == "":
            yield from self._template(place.component)
            return
        yield self._title(place.resource)
        own = self._index.resources.get(place.resource, {})
        resource = self._output.resources.get((place.component, place.name))
        if place.resource in self._index.unknown:
            yield f"  {_UNKNOWN}"
            return
        if resource is None:
            yield from self._origins(own.get("", ()), "  ", naming=False)
            yield from self._rules(own.get("", ()))
            return
        used: dict[Path, None] = {}
        constant = 0
        for path, value in leaves(resource.properties):
            text = shown_path(path)
            is_name = len(path) > 1 and isinstance(path[-2], Name) and path[-2] == value
            if is_name or (place.path and not touches(text, place.path)):
                continue
            keys = [key for at, found in own.items() if at and touches(text, at) for key in found]
            unknown = Place(place.component, place.name, text) in self._index.unknown
            used.update(dict.fromkeys(keys))
            if not place.path and not unknown and all(is_naming(key) for key in keys):
                constant += not keys
                continue
            yield f"  {text} = {shown(value, 60)}"
            if sentence := describe_computation(place.component, place.name, text):
                yield f"    {sentence}"
            yield from self._origins(keys, "    ", naming=bool(place.path))
            if unknown:
                yield f"    {_UNKNOWN}"
            elif not keys:
                yield "    set by LISA: no key is part of it"
        yield from self._complete(place, own, used)
        if constant:
            yield f"  {pluralize(constant, 'other value')}: set by LISA"
        yield from self._rules([key for key in used if not is_naming(key)])

    def _complete(self, place: Place, own: Mapping[str, tuple[Path, ...]], used: dict[Path, None]) -> Iterator[str]:
        """What decides a resource as such, unless only a value of it is explained."""
        if place.path:
            return
        resource = self._output.resources[place.component, place.name]
        if attributes := [key for key in own.get(ATTRIBUTES, ()) if not is_naming(key)]:
            yield f"  {join_list([name for name in resource.attributes if name != 'DependsOn'])}:"
            yield from self._origins(attributes, "    ", naming=False)
        if whole := [key for key in own.get("", ()) if not is_naming(key)]:
            yield "  Exists because of:"
            yield from self._origins(whole, "    ", naming=False)
        used.update(dict.fromkeys((*attributes, *whole)))
        if wide := sorted({str(key[0]) for key in used if is_naming(key)} & NAMING):
            yield f"  Used in names and addresses: {join_list(wide)}"

    def _template(self, component: str) -> Iterator[str]:
        """What led to the resources of a stack."""
        stack = self._output.stacks[component]
        yield f"{component}: stack {stack.name} with {pluralize(len(stack.resources), 'resource')}"
        reached: dict[Path, list[str]] = defaultdict(list)
        for logical_id in stack.resources:
            for key in widest(self._index.keys_of(Place(component, logical_id))):
                if not is_naming(key):
                    reached[key].append(logical_id)
        for setting, ids in sorted(
            ((self._settings.setting(key), ids) for key, ids in reached.items()), key=lambda pair: str(pair[0])
        ):
            if setting.is_set:
                shorter = ids if len(ids) <= _PATHS else [*ids[: _PATHS - 1], f"{len(ids) - _PATHS + 1} more"]
                yield f"  {setting}  ({_where(setting)})"
                yield f"    {join_list(shorter)}"

    def _values(self, place: Place, paths: Iterable[str]) -> Iterator[str]:
        """The values in a resource at paths."""
        resource = self._output.resources.get((place.component, place.name))
        wanted = {path for path in paths if path}
        if resource is None or not wanted:
            return
        if ATTRIBUTES in wanted:
            sentence = describe_computation(place.component, place.name, ATTRIBUTES)
            yield f"{join_list(resource.attributes)}{f': {sentence}' if sentence else ''}"
        found = []
        for path, value in leaves(resource.properties):
            text = shown_path(path)
            if any(touches(text, one) for one in wanted):
                sentence = describe_computation(place.component, place.name, text)
                found.append(f"{text} = {shown(value, 60)}{f'  ({sentence})' if sentence else ''}")
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

    def _origins(self, keys: Iterable[Path], lead: str, *, naming: bool) -> Iterator[str]:
        """The settings behind keys, with or without those of names; those that are not set share one line."""
        unset: list[str] = []
        for key in widest(dict.fromkeys(keys)):
            if is_naming(key) and not naming:
                continue
            setting = self._settings.setting(key)
            if setting.is_set:
                yield f"{lead}{setting}  ({_where(setting)})"
            else:
                unset.append(key_path(key))
        if unset:
            yield f"{lead}not set: {', '.join(unset)}"

    def _rules(self, keys: Iterable[Path]) -> Iterator[str]:
        wanted = list(keys)
        rules = [
            rule
            for rule, read in self._rule_keys.items()
            if any(own[: len(key)] == key or key[: len(own)] == own for own in read for key in wanted)
        ]
        if rules:
            yield "Rules:"
            yield from (f"  {rule.code} [{rule.name}] {rule.meaning}" for rule in rules)

    def _title(self, place: Place) -> str:
        resource = self._output.resources.get((place.component, place.name))
        if resource is None:
            return f"generated/{self._output.environment}/{place.name}"
        name = name_property(resource.type)
        given = resource.properties.get(name) if name else None
        return f"{place.component}/{place.name}: {resource_label(resource.type)}" + (
            f" {given}" if isinstance(given, str) else ""
        )


def _where(setting: Setting) -> str:
    return setting.origin if setting.origin != "default" else "default (not set)"


def _size_summary(resources: list[Place], files: list[str]) -> str:
    stacks = len({place.component for place in resources})
    parts = [f"{pluralize(len(resources), 'resource')} in {pluralize(stacks, 'stack')}"] if resources else []
    return join_list([*parts, *([pluralize(len(files), "file")] if files else [])])
