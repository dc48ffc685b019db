"""Templates as CloudFormation reads them: JSON or YAML, parameters, conditions and references."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

_PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}
_STORE = re.compile(r"AWS::SSM::Parameter::Value<")
_IN_TEXT = re.compile(r"\$\{([\w:.]+)\}")


@cache
def read(body: str) -> dict[str, Any]:
    """A template from its text; nobody changes it."""
    return dict(json.loads(body)) if body.lstrip().startswith("{") else dict(yaml.safe_load(body))


def references(value: Any) -> Iterator[str]:
    """What a value refers to: resources, parameters and pseudo parameters."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    if not isinstance(value, dict):
        return
    if isinstance(value.get("Ref"), str):
        yield value["Ref"]
    elif "Fn::GetAtt" in value:
        found = value["Fn::GetAtt"]
        yield found.split(".")[0] if isinstance(found, str) else found[0]
    else:
        text = value.get("Fn::Sub", "")
        yield from (name.split(".")[0] for name in _IN_TEXT.findall(text if isinstance(text, str) else text[0]))
        for each in value.values():
            yield from references(each)


def order(template: Mapping[str, Any], wanted: set[str]) -> list[str]:
    """Logical ids in the order in which they can be created."""
    resources, done = template["Resources"], list[str]()
    seen: set[str] = set()

    def visit(logical: str) -> None:
        if logical in seen:
            return
        seen.add(logical)
        entry = resources[logical]
        explicit = entry.get("DependsOn", [])
        for name in [*([explicit] if isinstance(explicit, str) else explicit), *references(entry.get("Properties"))]:
            if name in resources:
                visit(name)
        if logical in wanted:
            done.append(logical)

    for logical in resources:
        visit(logical)
    return done


@dataclass(frozen=True)
class Values:
    """What a template's references are.

    Attributes:
        parameters: values by name.
        identities: physical ids of resources, by logical id.
        kinds: their types.
        stack: name of the stack.
    """

    parameters: Mapping[str, str]
    identities: Mapping[str, str]
    kinds: Mapping[str, str]
    stack: str

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._named(argument)
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, argument)
        return {key: self.resolve(each) for key, each in value.items() if each != {"Ref": "AWS::NoValue"}}

    def _named(self, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in ("AWS::StackName", "AWS::StackId"):
            return self.stack
        if name in self.parameters:
            return self.parameters[name]
        return self.identities[name]

    def attribute(self, argument: Any) -> str:
        logical, _, attribute = (argument if isinstance(argument, str) else ".".join(argument)).partition(".")
        identity = self.identities[logical]
        # What other resources hold is the id, whatever its attribute is called.
        return identity if attribute in ("GroupId", "Id") else f"{identity}:{attribute}"

    def text(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def one(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(self.resolve(own[name]))
            return self.attribute(name) if "." in name else str(self._named(name))

        return _IN_TEXT.sub(one, text)

    def choice(self, argument: Any) -> Any:
        index, values = argument
        found = self.resolve(values)
        found = found.split(",") if isinstance(found, str) else found
        return found[int(index)] if int(index) < len(found) else f"{found}/{index}"


_FUNCTIONS: Mapping[str, Callable[[Values, Any], Any]] = {
    "Fn::Base64": lambda values, argument: values.resolve(argument),
    "Fn::GetAtt": lambda values, argument: values.attribute(argument),
    "Fn::GetAZs": lambda _values, _argument: ["us-east-1a", "us-east-1b", "us-east-1c"],
    "Fn::Join": lambda values, argument: argument[0].join(str(each) for each in values.resolve(argument[1])),
    "Fn::Select": lambda values, argument: values.choice(argument),
    "Fn::Split": lambda values, argument: str(values.resolve(argument[1])).split(argument[0]),
    "Fn::Sub": lambda values, argument: values.text(argument),
}


def parameters(
    template: Mapping[str, Any], given: Mapping[str, str], stored: Callable[[str], str | None]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """The values of parameters, those from Parameter Store by their names there, and the names that it lacks."""
    values, resolved, missing = {}, {}, []
    for name, definition in template.get("Parameters", {}).items():
        value = str(given.get(name, definition.get("Default", "")))
        if _STORE.match(definition["Type"]):
            found = stored(value)
            if found is None:
                missing.append(value)
                continue
            resolved[value] = value = found
        values[name] = value
    return values, resolved, missing


def active(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The resources whose conditions hold."""

    def holds(name: str | None) -> bool:
        if name is None:
            return True
        left, right = template["Conditions"][name]["Fn::Equals"]
        known = Values(values, {}, {}, "")
        return bool(known.resolve(left) == known.resolve(right))

    return {logical: entry for logical, entry in template["Resources"].items() if holds(entry.get("Condition"))}
