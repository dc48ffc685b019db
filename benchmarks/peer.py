"""The bare CDK app that the compiler is measured beside: `python -m benchmarks.peer ASSEMBLY FILE` writes it.

It is one file that makes each resource, parameter and output of an assembly with a typed L1 class, one function a
stack, under the settings that make the CDK quick. Locations of assets are literals in it, so it has less to do than
the compiler: it digests no files and adds no assets.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from benchmarks.assembly import Stack, read_stacks
from benchmarks.expressions import Expressions, Variable, class_name, module_alias, references, resource_class
from benchmarks.process import RunError
from lisa_compiler.emit.cloudformation.protocol import CONTEXT

# Parameters and rules that the CDK adds by itself.
_OWN_PARAMETERS = frozenset({"BootstrapVersion"})
_POLICIES = {"Delete": "DESTROY", "Retain": "RETAIN", "Snapshot": "SNAPSHOT"}
_WRITTEN = {
    "Type",
    "Properties",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
    "UpdatePolicy",
    "Metadata",
}

_MAIN = f"""
app = cdk.App(
    analytics_reporting=False,
    context={dict(CONTEXT)!r},
    outdir="cdk.out",
    stack_traces=False,
    tree_metadata=False,
)
"""


def write_peer(stacks: list[Stack]) -> str:
    """The source of the app."""
    types = {resource["Type"] for stack in stacks for resource in stack.template["Resources"].values()}
    modules = sorted({resource_class(name).__module__ for name in types} - {"aws_cdk"})
    lines = ["import aws_cdk as cdk"]
    lines += [f"from aws_cdk import {name.split('.')[1]} as {module_alias(name)}" for name in modules]
    for stack in stacks:
        lines += ["", "", *_StackFunction(stack).lines()]
    lines += ["", _MAIN]
    lines += [f"{_snake(stack.artifact)}_stack = make_{_snake(stack.artifact)}(app)" for stack in stacks]
    lines += [
        f"{_snake(stack.artifact)}_stack.add_stack_dependency({_snake(dependency)}_stack)"
        for stack in stacks
        for dependency in stack.dependencies
    ]
    return "\n".join([*lines, "app.synth()", ""])


class _StackFunction:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._resources: dict[str, Any] = stack.template["Resources"]
        self._variables: dict[str, Variable] = {}
        self._expressions = Expressions(self._variables)

    def lines(self) -> Iterator[str]:
        stack, template = self._stack, self._stack.template
        yield f"def make_{_snake(stack.artifact)}(app: cdk.App) -> cdk.Stack:"
        yield "    stack = cdk.Stack("
        yield f"        app, {stack.artifact!r}, stack_name={stack.name!r},"
        yield f"        description={template.get('Description')!r},"
        yield f"        env=cdk.Environment(account={stack.account!r}, region={stack.region!r}),"
        yield f"        tags={stack.tags!r}, analytics_reporting=False,"
        yield "    )"
        for name, parameter in template.get("Parameters", {}).items():
            if name not in _OWN_PARAMETERS:
                yield f"    {self._parameter(name, parameter)}"
        for name in self._ordered():
            for line in self._resource(name, self._resources[name]):
                yield f"    {line}"
        for name, output in template.get("Outputs", {}).items():
            yield f"    {self._call(cdk.CfnOutput, name, _flat_output(output))}"
        yield "    return stack"

    def _parameter(self, name: str, parameter: Mapping[str, Any]) -> str:
        self._variables[name] = Variable(_variable(name), is_list="List" in parameter["Type"])
        return f"{_variable(name)} = {self._call(cdk.CfnParameter, name, parameter)}"

    def _resource(self, name: str, resource: Mapping[str, Any]) -> Iterator[str]:
        if unknown := resource.keys() - _WRITTEN:
            raise RunError(f"{name}: the peer has no words for {sorted(unknown)}")
        cls, variable = resource_class(resource["Type"]), _variable(name)
        written, rest = self._expressions.call(cls, resource.get("Properties", {}), "stack", repr(name))
        yield f"{variable} = {written}"
        self._variables[name] = Variable(variable, cls)
        for key, value in rest.items():
            yield f"{variable}.add_property_override({key!r}, {self._expressions.value(value)})"
        if policy := resource.get("DeletionPolicy"):
            yield f"{variable}.apply_removal_policy(cdk.RemovalPolicy.{_POLICIES[policy]})"
        for key, value in resource.get("Metadata", {}).items():
            yield f"{variable}.add_metadata({key!r}, {self._expressions.value(value)})"
        for kind, option in (("CreationPolicy", cdk.CfnCreationPolicy), ("UpdatePolicy", cdk.CfnUpdatePolicy)):
            if value := resource.get(kind):
                policy, rest = self._expressions.call(option, value)
                if rest:
                    raise RunError(f"{name}: the peer has no words for {sorted(rest)}")
                yield f"{variable}.cfn_options.{_snake(kind)} = {policy}"
        for other in _dependencies(resource):
            yield f"{variable}.add_resource_dependency({self._variables[other].name})"

    def _call(self, cls: type, name: str, values: Mapping[str, Any]) -> str:
        written, rest = self._expressions.call(cls, values, "stack", repr(name))
        if rest:
            raise RunError(f"{name}: {class_name(cls)} has no keyword for {sorted(rest)}")
        return written

    def _ordered(self) -> list[str]:
        """Logical ids, each after those that it refers to."""
        done: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in done or name not in self._resources:
                return
            resource = self._resources[name]
            for other in (*references(resource), *_dependencies(resource)):
                if other != name:
                    visit(other)
            done[name] = None

        for name in self._resources:
            visit(name)
        return list(done)


def _dependencies(resource: Mapping[str, Any]) -> list[str]:
    depends: str | list[str] = resource.get("DependsOn", [])
    return [depends] if isinstance(depends, str) else depends


def _flat_output(output: Mapping[str, Any]) -> dict[str, Any]:
    flat = {key: value for key, value in output.items() if key != "Export"}
    return flat | {"ExportName": output["Export"]["Name"]} if "Export" in output else flat


def _snake(name: str) -> str:
    return re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).lower()


def _variable(logical_id: str) -> str:
    # No name of a module, and none of a keyword.
    return f"the_{_snake(logical_id)}"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(write_peer(read_stacks(Path(sys.argv[1]))), encoding="utf-8")
