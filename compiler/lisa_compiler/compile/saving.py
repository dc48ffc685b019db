"""Save what was compiled: the lock of the weights, then the output of each environment."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lisa_compiler.compile import cache
from lisa_compiler.output.tree import MANIFEST
from lisa_compiler.output.write import write_environment

if TYPE_CHECKING:
    from lisa_compiler.compile.compilation import Compilation, CompiledEnvironment
    from lisa_weights.lock.lock_file import LockedModel


def lock_weights(compilation: Compilation) -> tuple[Compilation, Mapping[str, LockedModel]]:
    """Save the weights that were locked, before the output that names them; entries of other runs are kept.

    Returns the compilation, which knows the lock file as it is now, and what was locked, by model.
    """
    made = compilation.compiled
    locked = {name: one.compiled.lock.models[name] for one in made for name in one.compiled.locked}
    if not locked:
        return compilation, locked
    from lisa_weights.lock import lock_file  # noqa: PLC0415  # lisa_weights, where no weights are locked

    lock_file.record_models(compilation.project.weights_lock, locked)
    lock = lock_file.load(compilation.project.weights_lock)
    if lock != made[-1].compiled.lock:
        return compilation, locked
    content = lock_file.render(lock)
    known = tuple(replace(one, before=cache.with_lock(one.before, content)) for one in made)
    return replace(compilation, compiled=known), locked


def write_output(compilation: Compilation) -> Iterator[tuple[CompiledEnvironment, float]]:
    """Write each environment atomically, and yield it with the seconds that it took in total.

    Raises:
        LisaError: the system refuses; only those that were yielded are written.
    """
    project, output = compilation.project, compilation.output
    recorded = compilation.options.recorded(project)
    for one in compilation.compiled:
        began = time.perf_counter()
        write_environment(output, one.name, one.files)
        cache.save(
            project.root,
            output,
            one.name,
            recorded,
            before=one.before,
            config=one.compiled.config,
            local_models=one.compiled.local_models,
            manifest=one.files[MANIFEST],
            stacks=one.stacks,
            files=len(one.files),
            diagnostics=one.compiled.diagnostics,
        )
        yield one, one.seconds + time.perf_counter() - began
    if compilation.compiled and compilation.known is not None:
        cache.save_environments(output, compilation.known)
