"""The use case of `lisa diff`: what the working tree's output of an environment does, compared with a commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lisa_compiler.output.intact import matches_manifest
from lisa_compiler.project.paths import OUTPUT
from lisa_compiler.provenance.index import Index
from lisa_compiler.review.causes import with_settings
from lisa_compiler.review.change import OutputChange, compare
from lisa_compiler.review.output import Output, OutputFormatError, read_output
from lisa_compiler.review.rendering import Comparison
from lisa_compiler.review.revisions import WorkingTree, base_of
from lisa_schema.errors import LisaError


@dataclass(frozen=True, slots=True)
class Review:
    """A change, and what it was compared with; lisa_compiler.review.rendering writes it."""

    change: OutputChange
    comparison: Comparison


def review_environment(
    project: Path,
    environment: str,
    base: str | None,
    *,
    staleness: Sequence[str] = (),
    index: Callable[[], Index] | None = None,
    reports: str | None = None,
) -> Review:
    """Compare the output in the working tree with that of a commit.

    Args:
        project: directory of config.yaml.
        environment: name of the environment.
        base: branch, tag or commit, whose merge base is compared; None for the default branch.
        staleness: warnings that the output in the working tree is not what its sources compile to.
        index: computes where the output in the working tree comes from; called when settings and resources change. None
            leaves out which settings change a resource.
        reports: address of the intake reports of changed weights; None where they are not published.

    Raises:
        LisaError: a revision or an output cannot be read, or neither has the environment.
    """
    commit = base_of(project, base)
    before, after = (read_output(revision, environment) for revision in (commit, WorkingTree(project)))
    if before is None and after is None:
        where = f"neither in the working tree nor in {commit.short}"
        raise LisaError(f"generated/{environment} exists {where}. Run `lisa compile --env {environment}`.")
    comparison = Comparison(
        base=commit.short,
        reference=commit.reference,
        command=f"lisa diff --env {environment}" + (f" --base {base}" if base else ""),
        # Output that was compiled with options is not what the files alone compile to.
        warnings=tuple(staleness) if after is not None and not after.options else (),
    )
    comparison = replace(comparison, reports=reports)
    change = _compare(project, environment, before, after)
    if index is None or after is None or not (change.settings and change.resources):
        return Review(change, comparison)
    try:
        return Review(with_settings(change, index()), comparison)
    except LisaError as error:
        warning = f"The settings behind each change are unknown, because the configuration cannot be compiled: {error}"
        return Review(change, replace(comparison, warnings=(*comparison.warnings, warning)))


def _compare(project: Path, environment: str, before: Output | None, after: Output | None) -> OutputChange:
    """Compare two outputs; what was edited since it was compiled can have values of any type.

    Raises:
        OutputFormatError: the output in the working tree was edited, and cannot be compared.
    """
    try:
        return compare(environment, before, after)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        folder = f"{OUTPUT}/{environment}"
        if matches_manifest(project / OUTPUT / environment):
            raise
        raise OutputFormatError(
            f"{folder} was edited since it was compiled, and cannot be compared ({error!r}). "
            f"Run `lisa compile --env {environment}`."
        ) from error
