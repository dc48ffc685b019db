"""Privileges of containers: user, root file system and capabilities, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lisa_compiler.review.formatting import join_list
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output

_ROOT = frozenset({"", "0", "root"})
_TASK_DEFINITION = "AWS::ECS::TaskDefinition"


def compare_containers(before: Output, after: Output) -> Iterator[Impact]:
    """Find containers that may do more, and those that may do less."""
    old, new = _privileges(before), _privileges(after)
    for (component, name), will in new.items():
        was = old.get((component, name))
        if was is None:
            continue
        title = f"The container `{name}` of **{after.stacks[component].title}**"
        if more := [words for words in will if words not in was]:
            yield Impact(ImpactCategory.BROADER_ACCESS, f"{title} {join_list(more)}.")
        if less := [words for words in was if words not in will]:
            yield Impact(ImpactCategory.REDUCED_RISK, f"{title} no longer {join_list(less)}.")


def _privileges(output: Output) -> dict[tuple[str, str], list[str]]:
    """What each container may do, by component and name."""
    return {
        (resource.component, str(container.get("Name", ""))): list(_of(container))
        for resource in output.resources.values()
        if resource.type == _TASK_DEFINITION
        for container in resource.properties.get("ContainerDefinitions", ())
    }


def _of(container: Mapping[str, Any]) -> Iterator[str]:
    if str(container.get("User", "")).partition(":")[0] in _ROOT:
        yield "runs as root"
    if container.get("ReadonlyRootFilesystem") is not True:
        yield "writes to its root file system"
    if container.get("Privileged") is True:
        yield "is privileged"
    capabilities = container.get("LinuxParameters", {}).get("Capabilities", {})
    if "ALL" not in capabilities.get("Drop", ()):
        yield "has the capabilities that Docker adds"
    if added := capabilities.get("Add"):
        yield f"has the capabilities {join_list(added)}"
