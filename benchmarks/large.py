"""Large projects: one model changed among many, a thousand models, and many environments; each with its target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.assembly import read_stacks, resource_count
from benchmarks.process import RunError, Usage, lisa, measure
from benchmarks.projects import OUTPUT, change_one_model, contents, with_environments, with_models
from benchmarks.scenarios import COLD, COMPILE, Sample, Tell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# CloudFormation's quotas: resources of a stack, and bytes of a template in S3.
_RESOURCES = 500
_TEMPLATE_BYTES = 1_000_000
_ENVIRONMENTS, _MODELS_EACH = 20, 40


@dataclass(frozen=True, slots=True)
class Case:
    """A sample with what it must not exceed.

    Attributes:
        sample: the runs.
        name: as the table has it.
        seconds: target of the wall clock.
    """

    sample: Sample
    name: str
    seconds: float


def cases(runs: int, tell: Tell) -> tuple[Case, ...]:
    """Measure all of them; the longest ones run once."""
    return (
        _one_changed(60, runs, 2.0, tell),
        _one_changed(200, runs, 2.2, tell),
        _thousand(45.0, tell),
        *_many_environments(30.0, 25.0, tell),
    )


def _one_changed(count: int, runs: int, target: float, tell: Tell) -> Case:
    """Compile, give a model another instance type, and compile again; the second one counts."""
    usages: list[Usage] = []
    changed = 0
    with with_models(count) as project:
        tell(f"{count} models: the first compile")
        measure(COMPILE, cwd=project)
        for run in range(1, runs + 1):
            tell(f"one of {count} models changed, {run} of {runs}")
            before = contents(project / OUTPUT)
            change_one_model(project, "mistral-7b-1", f"g5.{2 ** (run % 4 + 1)}xlarge")
            usages.append(measure(COMPILE, cwd=project))
            after = contents(project / OUTPUT)
            changed = sum(before.get(path) != after.get(path) for path in before.keys() | after.keys())
    sample = Sample(f"one of {count} models changed", tuple(usages), {"models": count, "changed": changed})
    return Case(sample, f"one model changed of {count}, {changed} files", target)


def _thousand(target: float, tell: Tell) -> Case:
    tell("1000 models")
    with with_models(1000) as project:
        usage = measure(COLD, cwd=project)
        facts = _within_limits(project / OUTPUT / "cloudformation")
    sample = Sample("1000 models", (usage,), facts)
    return Case(sample, f"1000 models, {facts['resources']} resources, none of the stacks too large", target)


def _within_limits(assembly: Path) -> dict[str, object]:
    """Counts of an assembly; RunError where CloudFormation would not accept a stack."""
    stacks = read_stacks(assembly)
    for stack in stacks:
        size = (assembly / f"{stack.artifact}.template.json").stat().st_size
        if len(stack.template["Resources"]) > _RESOURCES or size > _TEMPLATE_BYTES:
            raise RunError(f"{stack.artifact}: {len(stack.template['Resources'])} resources in {size} bytes")
    return {"stacks": len(stacks), "resources": resource_count(stacks)}


def _many_environments(written: float, checked: float, tell: Tell) -> Iterator[Case]:
    name = f"{_ENVIRONMENTS} environments of {_MODELS_EACH} models"
    with with_environments(_ENVIRONMENTS, _MODELS_EACH) as project:
        tell(f"{name}, compiled")
        usage = measure(lisa("compile", "--all", "--no-cache"), cwd=project)
        yield Case(Sample(f"{name}, compiled", (usage,)), f"{name}, compiled", written)
        tell(f"{name}, checked")
        usage = measure(lisa("compile", "--all", "--check"), cwd=project)
        yield Case(Sample(f"{name}, checked", (usage,)), f"{name}, checked without a cache", checked)
