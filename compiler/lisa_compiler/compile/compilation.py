"""The use case of `lisa compile`: compile environments of a project, all or none of them, then write their output."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.compile import cache
from lisa_compiler.compile.environments import known_environments, orphaned_outputs, selected_names
from lisa_compiler.output import manifest
from lisa_compiler.output.diff import compare
from lisa_compiler.output.tree import MANIFEST
from lisa_schema.diagnostics import Diagnostic, Severity
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled
    from lisa_compiler.compile.planning import PlannedEnvironment
    from lisa_compiler.output.diff import FileChange
    from lisa_compiler.project.project import Project, Selection

Step = Callable[[str, int], AbstractContextManager[Callable[[str, int], None]]]
"""lisa_weights.steps.Step, which is not imported to find that nothing has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """Options of a compile.

    Attributes:
        cache: whether environments that have not changed are skipped.
        check: whether to compare only: models in `models/` are not converted, and nothing is cached.
        strict: whether a warning is an error.
        weights: whether the weights of the hosted models are resolved.
        relock: whether other content of a locked commit of the Hub is locked as a local model.
    """

    cache: bool = True
    check: bool = False
    strict: bool = False
    weights: bool = True
    relock: bool = False

    def recorded(self, project: Project) -> tuple[tuple[str, str], ...]:
        """The options that the output and its warnings depend on, the project's included."""
        return project.options if self.weights else (*project.options, ("--no-weights", ""))


@dataclass(frozen=True, slots=True)
class CompiledEnvironment:
    """An environment that was compiled in memory.

    Attributes:
        compiled: what the pipeline made.
        files: its files with the manifest, by path below generated/<env>.
        changes: how they differ from those on disk.
        before: its inputs, as they were before they were read.
        seconds: how long it took.
    """

    compiled: Compiled
    files: Mapping[str, bytes]
    changes: tuple[FileChange, ...]
    before: cache.Snapshot
    seconds: float

    @property
    def name(self) -> str:
        """Name of the environment."""
        return self.compiled.environment

    @property
    def stacks(self) -> int:
        """Number of its CloudFormation stacks."""
        return len(self.compiled.deployment.stacks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """Environments of a project, compiled and not yet written.

    Attributes:
        project: the project.
        output: directory of all environments' output.
        options: what was asked for.
        unchanged: environments that were skipped since nothing has changed, by name.
        compiled: the others, in the order of the selection.
        diagnostics: warnings; errors, if `options.strict` is set.
        known: all environments of the project, when they were looked up.
    """

    project: Project
    output: Path
    options: CompileOptions
    unchanged: Mapping[str, cache.CachedBuild]
    compiled: tuple[CompiledEnvironment, ...]
    diagnostics: tuple[Diagnostic, ...]
    known: cache.Environments | None

    @property
    def has_errors(self) -> bool:
        """Whether the output must not be written."""
        return any(diagnostic.is_error for diagnostic in self.diagnostics)

    @property
    def out_of_date(self) -> tuple[CompiledEnvironment, ...]:
        """Environments whose output on disk differs from what was compiled."""
        return tuple(one for one in self.compiled if one.changes)


def compile_project(
    project: Project,
    selection: Selection,
    output: Path,
    options: CompileOptions,
    *,
    progress: Callable[[str], None] | None = None,
    step: Step | None = None,
) -> Compilation:
    """Compile environments in memory; write_output() then writes them.

    Args:
        project: the project.
        selection: its environments.
        output: directory of all environments' output.
        options: what to compile, and what counts as an error.
        progress: receives the name of each phase.
        step: receives the progress of work on weights.

    Raises:
        ConfigurationError: at least one environment has errors; it has the errors of all.
        LisaError: a file that the configuration names cannot be used, or policy checks failed.
    """
    caching = options.cache and not options.check
    known = None if selection.names else known_environments(project, output, caching=caching)
    names = selected_names(project, selection, known)
    recorded = options.recorded(project)
    unchanged: dict[str, cache.CachedBuild] = {}
    if caching:
        found = {name: cache.load_if_up_to_date(project.root, output, name, recorded) for name in names}
        unchanged = {name: build for name, build in found.items() if build is not None}
    changed = [name for name in names if name not in unchanged]
    compiled = _compile_all(project, changed, output, options, progress=progress, step=step) if changed else ()
    diagnostics = [diagnostic for build in unchanged.values() for diagnostic in build.diagnostics]
    diagnostics += [diagnostic for one in compiled for diagnostic in one.compiled.diagnostics]
    if selection.all and known is not None:
        diagnostics += orphaned_outputs(project, output, known.names)
    if options.strict:
        diagnostics = [replace(diagnostic, severity=Severity.ERROR) for diagnostic in diagnostics]
    return Compilation(
        project=project,
        output=output,
        options=options,
        unchanged=unchanged,
        compiled=compiled,
        diagnostics=tuple(diagnostics),
        known=known,
    )


def differences(
    project: Project,
    planned: PlannedEnvironment,
    output: Path,
    *,
    progress: Callable[[str], None] | None = None,
    step: Step | None = None,
) -> tuple[FileChange, ...]:
    """Compare the output of an environment with what its sources compile to; writes nothing.

    Raises:
        ConfigurationError: the environment has errors.
        LisaError: a file that the configuration names cannot be used, or policy checks failed.
    """
    name = planned.environment.name
    if cache.load_if_up_to_date(project.root, output, name, project.options) is not None:
        return ()
    (compiled,) = _compile_all(project, [name], output, CompileOptions(check=True), progress=progress, step=step)
    return compiled.changes


def _compile_all(
    project: Project,
    names: Sequence[str],
    output: Path,
    options: CompileOptions,
    *,
    progress: Callable[[str], None] | None,
    step: Step | None,
) -> tuple[CompiledEnvironment, ...]:
    """Compile environments; the lock of one is where the next begins."""
    # Half a second of imports, jsii and pydantic among them, which finding nothing to do can spare.
    from lisa_compiler.compile.pipeline import compile_planned  # noqa: PLC0415  # see above
    from lisa_compiler.compile.planning import plan_environment  # noqa: PLC0415  # see above
    from lisa_compiler.compile.side_by_side import side_by_side  # noqa: PLC0415  # see above
    from lisa_compiler.compile.stack_cache import stack_cache  # noqa: PLC0415  # see above
    from lisa_compiler.compile.weights import LocalWeights  # noqa: PLC0415  # see above
    from lisa_compiler.emit.cloudformation.runtime import workers  # noqa: PLC0415  # see above
    from lisa_compiler.plan.collisions import find_collisions  # noqa: PLC0415  # see above
    from lisa_weights.lock import lock_file  # noqa: PLC0415  # see above

    locking = LocalWeights.RELOCK if options.relock else LocalWeights.LOCK
    local = LocalWeights.COMPARE if options.check else locking
    stacks = stack_cache(output, verifying=options.check) if options.cache else None
    # It loads the CDK on another processor while this process reads and plans.
    workers().prepare()
    # Before anything is read: an edit during the compile counts as a change.
    snapshots = {name: cache.snapshot(project.root, name) for name in names}
    if progress is not None:
        progress("reading the configuration")
    valid = {environment.name: environment for environment in project.valid_environments(names)}
    if collisions := find_collisions([*valid.values()], project.other_environments(valid)):
        raise ConfigurationError([*(found for one in valid.values() for found in one.diagnostics), *collisions])
    lock = lock_file.load(project.weights_lock)

    def compile_one(name: str) -> CompiledEnvironment:
        nonlocal lock
        phase = None if progress is None else partial(_show_phase, progress, name)
        began = time.perf_counter()
        compiled = compile_planned(
            plan_environment(valid[name]),
            local_weights=local if options.weights else LocalWeights.IGNORE,
            lock=lock,
            progress=phase,
            step=step,
            stacks=stacks,
        )
        lock = compiled.lock
        return _with_manifest(project, output, compiled, snapshots[name], began)

    # What one environment locks is read by the next one, so that a local model is not read twice.
    locks_models = options.weights and local is not LocalWeights.COMPARE and project.models.is_dir()
    return tuple(side_by_side(list(valid), compile_one, in_turn=locks_models))


def _show_phase(progress: Callable[[str], None], name: str, phase: str) -> None:
    progress(f"{name}: {phase}")


def _with_manifest(
    project: Project, output: Path, compiled: Compiled, before: cache.Snapshot, began: float
) -> CompiledEnvironment:
    content = manifest.build(
        compiled.environment,
        compiled.config,
        options=project.options,
        files=compiled.files,
        products=compiled.products.artifacts.values(),
    )
    files = {**compiled.files, MANIFEST: content}
    changes = compare(output / compiled.environment, files)
    return CompiledEnvironment(compiled, files, changes, before, time.perf_counter() - began)
