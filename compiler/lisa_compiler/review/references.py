"""References: which values of its stack, and of other stacks, a property is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_compiler.review.differences import Path
from lisa_compiler.review.output import Output, Resource

REF: Final = ""
"""Stands for what `Ref` gives, beside the names of attributes that `Fn::GetAtt` gives."""

_VARIABLE = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.([A-Za-z0-9.]+))?\}")
_SSM = "AWS::SSM::Parameter::Value<"

PARAMETER: Final = "AWS::SSM::Parameter"
"""Type of the resources by which one stack hands a value to the others."""


def references(value: Any, path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    """Yield what a value refers to: where, a logical id or a parameter's name, and the attribute, or REF.

    The path ends where the reference begins, since what CloudFormation computes is one value.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref" and isinstance(item, str):
                yield path, item, REF
            elif key == "Fn::GetAtt":
                target, _, attribute = item.partition(".") if isinstance(item, str) else (item[0], "", item[1])
                yield path, target, str(attribute)
            elif key == "Fn::Sub":
                text, variables = (item, {}) if isinstance(item, str) else item
                yield from ((path, m[1], m[2] or REF) for m in _VARIABLE.finditer(text) if m[1] not in variables)
                yield from ((path, *found[1:]) for found in references(variables))
            elif key.startswith("Fn::"):
                yield from ((path, *found[1:]) for found in references(item))
            else:
                yield from references(item, (*path, key))


def publishers(output: Output) -> dict[str, Resource]:
    """The resources that publish a value in Parameter Store, by the value's name there."""
    return {
        str(resource.properties["Name"]): resource
        for resource in output.resources.values()
        if resource.type == PARAMETER and isinstance(resource.properties.get("Name"), str)
    }


def read_names(output: Output, component: str) -> dict[str, str]:
    """The values that a stack reads from Parameter Store: the name there, by the template parameter's own name."""
    return {
        name: str(parameter.get("Default"))
        for name, parameter in output.stacks[component].parameters.items()
        if str(parameter.get("Type", "")).startswith(_SSM)
    }
