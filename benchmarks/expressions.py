"""Python expressions for the values of a CloudFormation template, as a person writes them with the L1 classes.

A dictionary becomes the nested property class that the parameter's annotation names, a `Ref` or `Fn::GetAtt` an
attribute of the resource's variable, and a join without delimiter an f-string.
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import aws_cdk as cdk

from benchmarks.process import RunError

_PSEUDO = {
    "AWS::AccountId": "cdk.Aws.ACCOUNT_ID",
    "AWS::NoValue": "cdk.Aws.NO_VALUE",
    "AWS::Partition": "cdk.Aws.PARTITION",
    "AWS::Region": "cdk.Aws.REGION",
    "AWS::StackId": "cdk.Aws.STACK_ID",
    "AWS::StackName": "cdk.Aws.STACK_NAME",
    "AWS::URLSuffix": "cdk.Aws.URL_SUFFIX",
}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the app that is being written.

    Attributes:
        name: its name.
        cls: class of the resource; None for a parameter.
        is_list: whether it is a parameter whose value is a list.
    """

    name: str
    cls: type | None = None
    is_list: bool = False


def module_alias(module: str) -> str:
    """Name under which a module of aws_cdk is imported: `ec2` for `aws_cdk.aws_ec2`."""
    alias = module.removeprefix("aws_cdk").removeprefix(".aws_")
    return {"": "cdk", "lambda": "lambda_"}.get(alias, alias)


def class_name(cls: type) -> str:
    """How the app refers to a class."""
    return f"{module_alias(cls.__module__)}.{cls.__qualname__}"


@cache
def parameters(cls: type) -> dict[str, tuple[str, Any]]:
    """Keyword arguments of a class: CloudFormation's name in lower case to Python's name and annotation."""
    constructor: Callable[..., None] = vars(cls)["__init__"]
    hints = typing.get_type_hints(constructor)
    keywords = [
        parameter.name
        for parameter in inspect.signature(constructor).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    return {keyword.replace("_", ""): (keyword, hints[keyword]) for keyword in keywords}


class Expressions:
    """Writes the expressions of one stack.

    Args:
        variables: variable of each logical id that has been declared.
    """

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._variables = variables

    def call(self, cls: type, values: Mapping[str, Any], *positional: str) -> tuple[str, dict[str, Any]]:
        """A call of a class, and the values that it has no keyword for."""
        known = parameters(cls)
        arguments, rest = list(positional), {}
        for name, value in values.items():
            if found := known.get(name.replace(".", "").lower()):
                keyword, hint = found
                arguments.append(f"{keyword}={self.value(value, hint, cls.__module__)}")
            else:
                rest[name] = value
        return f"{class_name(cls)}({', '.join(arguments)})", rest

    def value(self, value: Any, hint: Any = Any, module: str = "aws_cdk") -> str:
        """A value, given the annotation of where it goes, and the module of the class that has the annotation."""
        if isinstance(value, dict):
            if len(value) == 1 and (name := next(iter(value))) in _INTRINSICS:
                return _INTRINSICS[name](self, value[name])
            return self._dictionary(value, hint, module)
        if isinstance(value, list):
            element = next(_arguments(hint, Sequence), (Any,))[0]
            return f"[{', '.join(self.value(item, element, module) for item in value)}]"
        return repr(value)

    def _dictionary(self, value: dict[str, Any], hint: Any, module: str) -> str:
        structs = [_of_module(option, module) for option in _options(hint) if hasattr(option, "__jsii_name_mapping__")]
        for struct in structs:
            written, rest = self.call(struct, value)
            if not rest:
                return written
        if structs:
            raise RunError(f"no keyword of {structs} for {sorted(value)}")
        element = next(_arguments(hint, Mapping), (str, Any))[1]
        return f"{{{', '.join(f'{key!r}: {self.value(item, element, module)}' for key, item in value.items())}}}"

    def ref(self, name: str) -> str:
        if name in _PSEUDO:
            return _PSEUDO[name]
        variable = self._variables[name]
        if variable.cls is None:
            return f"{variable.name}.value_as_{'list' if variable.is_list else 'string'}"
        return f"{variable.name}.ref"

    def attribute(self, path: list[str]) -> str:
        variable = self._variables[path[0]]
        wanted = f"attr{path[1].replace('.', '').lower()}"
        for attribute in dir(variable.cls):
            if attribute.replace("_", "") == wanted:
                return f"{variable.name}.{attribute}"
        return f"{variable.name}.get_att({path[1]!r}).to_string()"

    def join(self, arguments: tuple[str, list[Any]]) -> str:
        delimiter, parts = arguments
        written = [part if isinstance(part, str) else self.value(part) for part in parts]
        if delimiter or any(not isinstance(part, str) and re.search(r"['\"\\{]", self.value(part)) for part in parts):
            return f"cdk.Fn.join({delimiter!r}, {self.value(parts)})"
        pieces = (
            text.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else f"{{{text}}}"
            for part, text in zip(parts, written, strict=True)
        )
        return f"f{''.join(pieces)!r}"

    def substitute(self, arguments: str | list[Any]) -> str:
        if isinstance(arguments, str):
            return f"cdk.Fn.sub({arguments!r})"
        return f"cdk.Fn.sub({arguments[0]!r}, {self.value(arguments[1])})"


def _of_module(struct: type, module: str) -> type:
    """The struct of that name in a module, if it has one.

    Python keeps one object of equal unions, so that the name in it is resolved for the first module that is asked, and
    two modules of the CDK may have structs of one name.
    """
    found: Any = sys.modules[module]
    for name in struct.__qualname__.split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, type) else struct


def _options(hint: Any) -> Iterator[Any]:
    """The members of a union, and of the unions in it."""
    if typing.get_origin(hint) is typing.Union:
        for member in typing.get_args(hint):
            yield from _options(member)
    else:
        yield hint


def _arguments(hint: Any, origin: type) -> Iterator[tuple[Any, ...]]:
    return (typing.get_args(option) for option in _options(hint) if typing.get_origin(option) is origin)


_INTRINSICS: dict[str, Callable[[Expressions, Any], str]] = {
    "Ref": Expressions.ref,
    "Fn::Base64": lambda self, text: f"cdk.Fn.base64({self.value(text)})",
    "Fn::GetAtt": Expressions.attribute,
    "Fn::GetAZs": lambda self, region: f"cdk.Fn.get_azs({self.value(region) if region else ''})",
    "Fn::Join": Expressions.join,
    "Fn::Select": lambda self, arguments: f"cdk.Fn.select({int(arguments[0])}, {self.value(arguments[1])})",
    "Fn::Split": lambda self, arguments: f"cdk.Fn.split({arguments[0]!r}, {self.value(arguments[1])})",
    "Fn::Sub": Expressions.substitute,
}


def references(value: Any) -> Iterator[str]:
    """Logical ids that a value refers to."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "Ref":
                yield item
            elif name == "Fn::GetAtt":
                yield item[0]
            elif name == "Fn::Sub":
                text, given = (item, {}) if isinstance(item, str) else item
                yield from (found for found in re.findall(r"\$\{(\w+)", text) if found not in given)
                yield from references(given)
            else:
                yield from references(item)


def resource_class(resource_type: str) -> type:
    """The L1 class of a CloudFormation resource type."""
    _, service, name = resource_type.split("::")
    if resource_type == "AWS::CloudFormation::CustomResource":
        return cdk.CfnCustomResource
    module = getattr(cdk, f"aws_{service.lower()}")
    cls = getattr(module, f"Cfn{name}")
    if not isinstance(cls, type):
        raise RunError(f"aws_cdk has no class for {resource_type}")
    return cls
