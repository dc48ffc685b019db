"""`lisa compile` and `lisa compile --check`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lisa_compiler.cli.diagnosing import has_errors, show
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.requests import Request, shown_path
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.cli.transfers import size
from lisa_compiler.compile import cache as freshness
from lisa_schema.catalogue import OUTPUT_LEFT_OVER, OUTPUT_STALE, WEIGHTS_OUTDATED
from lisa_schema.diagnostics import Diagnostic, Origin, Severity
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled
    from lisa_compiler.compile.stack_cache import StackCache
    from lisa_compiler.compile.weights import LocalWeights
    from lisa_compiler.output.diff import FileChange
    from lisa_schema.overlay import Override
    from lisa_weights.lock.lock_file import WeightsLock
    from lisa_weights.steps import Step

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """Options of a compile.

    Attributes:
        form: how diagnostics are written.
        cache: whether an environment that has not changed may be left out.
        check: whether to compare instead of writing.
        strict: whether a warning is an error.
        weights: whether the weights of the hosted models are resolved.
    """

    form: Format = Format.TEXT
    cache: bool = True
    check: bool = False
    strict: bool = False
    weights: bool = True


@dataclass(frozen=True, slots=True)
class _Made:
    """One environment, compiled, and how it differs from what is on disk."""

    compiled: Compiled
    files: Mapping[str, bytes]
    changes: tuple[FileChange, ...]
    before: freshness.Snapshot
    seconds: float

    @property
    def environment(self) -> str:
        return self.compiled.environment

    @property
    def stacks(self) -> int:
        return len(self.compiled.deployment.stacks)


def run(request: Request, output: Path, options: CompileOptions) -> ExitCode:
    """Compile environments, all or none of them.

    Args:
        request: which environments, with which options.
        output: directory of all environments' output.
        options: whether to write, and what counts as an error.
    """
    try:
        cache = options.cache and not options.check
        known = None if request.environments else _known(request, output, cache=cache)
        names = _names(request, known)
        same = _unchanged(request, output, names, options) if cache else {}
        waiting = [name for name in names if name not in same]
        made = _compile_all(request, output, waiting, options) if waiting else []
    except ConfigurationError as error:
        show(error.diagnostics, options.form, request)
        return ExitCode.FAILED
    diagnostics = [diagnostic for one in same.values() for diagnostic in one.diagnostics]
    diagnostics += [diagnostic for one in made for diagnostic in one.compiled.diagnostics]
    if request.all and known is not None:
        diagnostics += _left_overs(request, output, known.names)
    if options.strict:
        diagnostics = [replace(diagnostic, severity=Severity.ERROR) for diagnostic in diagnostics]
    if options.check:
        return _check(request, output, made, diagnostics, options.form)
    show(diagnostics, options.form, request)
    if has_errors(diagnostics):
        return ExitCode.FAILED
    _say_unchanged(output, same)
    made = _save_lock(request.project, made)
    for one in made:
        _write(request, output, one, options)
    if made and known is not None:
        freshness.remember_environments(output, known)
    return ExitCode.OK


def run_unchanged(request: Request, output: Path, options: CompileOptions) -> bool:
    """Report environments of which none has to be compiled; False, and nothing said, when one may have to be."""
    known = None if request.environments else freshness.known_environments(request.project, output)
    names = request.environments
    if known is not None:
        names = known.names if request.all else (known.default or "",)
    same = _unchanged(request, output, names, options)
    if not names or same.keys() != set(names):
        return False
    diagnostics = [diagnostic for one in same.values() for diagnostic in one.diagnostics]
    if request.all:
        diagnostics += _left_overs(request, output, names)
    if options.strict and diagnostics:
        return False
    show(diagnostics, options.form, request)
    _say_unchanged(output, same)
    return True


def differences(request: Request, output: Path, environment: str) -> tuple[FileChange, ...]:
    """How the output of an environment differs from what its sources compile to; nothing is written.

    Raises:
        ConfigurationError: the configuration has mistakes.
    """
    from lisa_compiler.cli.progress import stages

    if freshness.fresh(request.project, output, environment, request.options) is not None:
        return ()
    with stages() as progress:
        return _compile(request, output, environment, _comparison(request, progress)).changes


def _comparison(request: Request, progress: Callable[[str], None] | None) -> _Task:
    from lisa_compiler.cli.transfers import step
    from lisa_compiler.compile.weights import LocalWeights
    from lisa_weights.lock import lock_file as locks

    lock = locks.load(request.project / locks.LOCK_FILE)
    return _Task(request.overrides(), LocalWeights.COMPARE, lock, progress, step)


def _unchanged(
    request: Request, output: Path, names: Sequence[str], options: CompileOptions
) -> dict[str, freshness.Fresh]:
    remembered = _remembered_options(request, options)
    found = {name: freshness.fresh(request.project, output, name, remembered) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _remembered_options(request: Request, options: CompileOptions) -> tuple[tuple[str, str], ...]:
    """What is remembered of the options; without weights, other warnings are remembered."""
    return request.options if options.weights else (*request.options, ("--no-weights", ""))


def _say_unchanged(output: Path, same: Mapping[str, freshness.Fresh]) -> None:
    for name, one in same.items():
        say(f"{name}: {shown_path(output / name)} is up to date ({one.stacks} stacks, {one.files} files)")


def _known(request: Request, output: Path, *, cache: bool) -> freshness.Environments:
    """Return the project's environments, from the cache when it knows them."""
    from_cache = freshness.known_environments(request.project, output) if cache else None
    return from_cache or _environments(request.project)


def _environments(project: Path) -> freshness.Environments:
    from lisa_compiler.project.load import environments, load

    inputs = freshness.environment_inputs(project)
    names = environments(project)
    try:
        default = load(project).environment
    except ConfigurationError:  # reported when the default environment is asked for
        default = None
    return freshness.Environments(default, names, inputs)


def _names(request: Request, known: freshness.Environments | None) -> tuple[str, ...]:
    if known is None:
        return request.environments
    if request.all and known.names:
        return known.names
    if known.default is not None and not request.all:
        return (known.default,)
    from lisa_compiler.project.load import load

    return (load(request.project).environment,)  # raises what says why there is none


def _left_overs(request: Request, output: Path, names: Sequence[str]) -> list[Diagnostic]:
    """Warn of directories of the output that belong to no environment."""
    made = sorted(path.parent.name for path in output.glob("*/manifest.json") if not path.parent.is_symlink())
    return [_left_over(request, output, name) for name in made if name not in names]


def _compile_all(request: Request, output: Path, names: Sequence[str], options: CompileOptions) -> list[_Made]:
    """Compile environments, or raise ConfigurationError with the mistakes of all of them."""
    from lisa_compiler.cli.progress import stages
    from lisa_compiler.cli.transfers import step
    from lisa_compiler.compile.side_by_side import side_by_side
    from lisa_compiler.compile.stack_cache import stack_cache
    from lisa_compiler.compile.weights import MODELS, LocalWeights
    from lisa_weights.lock import lock_file as locks

    overrides = request.overrides()
    if len(names) > 1:
        _collect(names, lambda name: _validate(request.project, name, overrides))
    local = LocalWeights.COMPARE if options.check else LocalWeights.LOCK
    lock = locks.load(request.project / locks.LOCK_FILE)
    stacks = stack_cache(output, verifying=options.check) if options.cache else None
    with stages() as progress:

        def compile_one(name: str) -> _Made:
            nonlocal lock
            stage = None if progress is None else lambda text: progress(f"{name}: {text}")
            task = _Task(overrides, local if options.weights else LocalWeights.IGNORE, lock, stage, step, stacks)
            made = _compile(request, output, name, task)
            lock = made.compiled.lock
            return made

        # What one environment locks is read by the next one, so that a local model is not read twice.
        locks_models = options.weights and local is LocalWeights.LOCK and (request.project / MODELS).is_dir()
        return _collect(names, compile_one) if locks_models else side_by_side(names, compile_one)


def _collect(names: Sequence[str], act: Callable[[str], _Result]) -> list[_Result]:
    results = []
    errors: list[Diagnostic] = []
    for name in names:
        try:
            results.append(act(name))
        except ConfigurationError as error:
            errors += error.diagnostics
    if has_errors(errors):
        raise ConfigurationError(errors)
    return results


def _validate(project: Path, environment: str, overrides: Sequence[Override]) -> None:
    from lisa_compiler.project.load import load
    from lisa_schema.validate import validate

    validate(load(project, environment, overrides).document)


@dataclass(frozen=True, slots=True)
class _Task:
    """What the compile of each environment is given."""

    overrides: Sequence[Override]
    local_weights: LocalWeights
    lock: WeightsLock
    progress: Callable[[str], None] | None
    step: Step
    stacks: StackCache | None = None


def _compile(request: Request, output: Path, environment: str, task: _Task) -> _Made:
    from lisa_compiler.compile.pipeline import compile_environment
    from lisa_compiler.output import manifest
    from lisa_compiler.output.diff import compare
    from lisa_compiler.output.tree import MANIFEST

    began = time.perf_counter()
    before = freshness.snapshot(request.project, environment)
    compiled = compile_environment(
        request.project,
        environment,
        overrides=task.overrides,
        local_weights=task.local_weights,
        lock=task.lock,
        progress=task.progress,
        step=task.step,
        stacks=task.stacks,
    )
    content = manifest.build(
        environment,
        compiled.config,
        options=request.options,
        files=compiled.files,
        products=compiled.products.artifacts.values(),
    )
    files = {**compiled.files, MANIFEST: content}
    changes = compare(output / environment, files)
    return _Made(compiled, files, changes, before, time.perf_counter() - began)


def _save_lock(project: Path, made: Sequence[_Made]) -> list[_Made]:
    """Save what was locked, before the output that was made from it; another run's additions are kept."""
    from lisa_weights.lock import lock_file as locks

    locked = {name: one.compiled.lock.models[name] for one in made for name in one.compiled.locked}
    if not locked:
        return list(made)
    path = project / locks.LOCK_FILE
    lock = locks.load(path)
    for name, model in locked.items():
        lock = lock.with_model(name, model)
    locks.save(path, lock)
    for name, model in locked.items():
        say(f"{name}: locked, {len(model.files)} files, {size(model.total_bytes)} → {locks.LOCK_FILE}")
    if lock != made[-1].compiled.lock:
        return list(made)
    return [replace(one, before=freshness.with_lock(one.before, locks.render(lock))) for one in made]


def _write(request: Request, output: Path, made: _Made, options: CompileOptions) -> None:
    from lisa_compiler.output.diff import summary
    from lisa_compiler.output.tree import MANIFEST
    from lisa_compiler.output.write import write_environment

    began = time.perf_counter()
    write_environment(output, made.environment, made.files)
    freshness.remember(
        request.project,
        output,
        made.environment,
        _remembered_options(request, options),
        before=made.before,
        config=made.compiled.config,
        local_models=made.compiled.local_models,
        manifest=made.files[MANIFEST],
        stacks=made.stacks,
        files=len(made.files),
        diagnostics=made.compiled.diagnostics,
    )
    seconds = _seconds(began - made.seconds)
    what = f"compiled {made.stacks} stacks, {len(made.files)} files to {shown_path(output / made.environment)}"
    say(f"{made.environment}: {what}; {summary(made.changes)} ({seconds})")


def _check(
    request: Request, output: Path, made: Sequence[_Made], diagnostics: Sequence[Diagnostic], form: Format
) -> ExitCode:
    from lisa_compiler.output.diff import summary, unified_diff

    stale = [one for one in made if one.changes]
    if form is Format.TEXT:
        show(diagnostics, form, request)
        for one in stale:
            for line in unified_diff(shown_path(output / one.environment), one.changes):
                put(line + "\n")
    else:
        found = [_stale(request, output, one.environment, summary(one.changes)) for one in stale]
        show([*diagnostics, *found], form, request)
    for one in made:
        place = shown_path(output / one.environment)
        state = (
            f"out of date: {summary(one.changes)}; run `lisa compile --env {one.environment}`"
            if one.changes
            else "up to date"
        )
        say(f"{one.environment}: {place} is {state} ({one.seconds:.1f} s)")
    if has_errors(diagnostics):
        return ExitCode.FAILED
    outdated = {OUTPUT_LEFT_OVER.rule, WEIGHTS_OUTDATED.rule}
    return ExitCode.STALE if stale or outdated & {found.rule for found in diagnostics} else ExitCode.OK


def _stale(request: Request, output: Path, environment: str, counts: str) -> Diagnostic:
    place = shown_path(output / environment)
    return OUTPUT_STALE.at(
        _manifest_origin(request, output, environment),
        f"{place} is out of date ({counts}).",
        fix=f"Run `lisa compile --env {environment}` and commit {place}.",
    )


def _left_over(request: Request, output: Path, environment: str) -> Diagnostic:
    place = shown_path(output / environment)
    return OUTPUT_LEFT_OVER.at(
        _manifest_origin(request, output, environment),
        f"{place} is the output of an environment that is no longer configured.",
        fix=f"Destroy its deployment, then remove the directory: `git rm -r {place}`.",
    )


def _manifest_origin(request: Request, output: Path, environment: str) -> Origin:
    manifest = output / environment / "manifest.json"
    return Origin(Path(os.path.relpath(manifest, request.project)).as_posix())


def _seconds(began: float) -> str:
    return f"{time.perf_counter() - began:.1f} s"
