"""What is in a cloud assembly, so that two of them can be compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.process import RunError

_COMPARED = ("Description", "Parameters", "Resources", "Outputs")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of an assembly.

    Attributes:
        artifact: its id in the assembly.
        name: its name in CloudFormation.
        account, region: where it is deployed.
        tags: tags of the stack.
        dependencies: artifacts that are deployed before it.
        template: its template.
    """

    artifact: str
    name: str
    account: str
    region: str
    tags: dict[str, str]
    dependencies: tuple[str, ...]
    template: dict[str, Any]


def read_stacks(assembly: Path) -> list[Stack]:
    """The stacks of an assembly, in its order."""
    artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    stacks = {name: one for name, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}
    return [_stack(assembly, name, stacks) for name in stacks]


def _stack(assembly: Path, artifact: str, stacks: dict[str, Any]) -> Stack:
    described = stacks[artifact]
    account, _, region = described["environment"].removeprefix("aws://").partition("/")
    properties = described["properties"]
    return Stack(
        artifact=artifact,
        name=properties["stackName"],
        account=account,
        region=region,
        tags=properties.get("tags", {}),
        dependencies=tuple(name for name in described.get("dependencies", ()) if name in stacks),
        template=json.loads((assembly / properties["templateFile"]).read_text(encoding="utf-8")),
    )


def resource_count(stacks: list[Stack]) -> int:
    """Resources in all templates together."""
    return sum(len(stack.template["Resources"]) for stack in stacks)


def require_same(ours: list[Stack], theirs: list[Stack]) -> None:
    """Compare stacks: their settings, and every parameter, resource and output with all of its properties.

    Raises:
        RunError: they differ, and where.
    """
    differences: list[str] = []
    other = {stack.artifact: stack for stack in theirs}
    if other.keys() != {stack.artifact for stack in ours}:
        differences.append(f"stacks: {sorted(other)}")
    for stack in ours:
        if (twin := other.get(stack.artifact)) is None:
            continue
        for setting in ("name", "account", "region", "tags"):
            _compare(f"{stack.artifact}.{setting}", getattr(stack, setting), getattr(twin, setting), differences)
        _compare(f"{stack.artifact}.dependencies", sorted(stack.dependencies), sorted(twin.dependencies), differences)
        for section in _COMPARED:
            _compare(
                f"{stack.artifact}.{section}", stack.template.get(section), twin.template.get(section), differences
            )
    if differences:
        shown = "\n".join(differences[:20])
        raise RunError(f"the bare CDK app differs from the compiler in {len(differences)} places:\n{shown}")


def _compare(path: str, ours: Any, theirs: Any, differences: list[str]) -> None:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            left, right = ours.get(key), theirs.get(key)
            if key == "DependsOn" and isinstance(left, list) and isinstance(right, list):
                left, right = sorted(left), sorted(right)
            _compare(f"{path}.{key}", left, right, differences)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (left, right) in enumerate(zip(ours, theirs, strict=True)):
            _compare(f"{path}[{index}]", left, right, differences)
    elif ours != theirs:
        differences.append(f"{path}: {json.dumps(ours)[:200]} is {json.dumps(theirs)[:200]}")
