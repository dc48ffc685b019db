"""The environments of a project that are compiled, and output that belongs to none of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.compile import cache
from lisa_compiler.output.tree import MANIFEST
from lisa_compiler.project.paths import shown_path
from lisa_schema.artifact_diagnostics import OUTPUT_ORPHANED
from lisa_schema.diagnostics import Diagnostic, Origin
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from lisa_compiler.project.project import Project, Selection


def known_environments(project: Project, output: Path, *, caching: bool) -> cache.Environments:
    """Return the project's environments, from the cache when it has them."""
    found = cache.known_environments(project.root, output) if caching else None
    if found is not None:
        return found
    inputs = cache.environment_inputs(project.root)
    names = project.environments()
    try:
        default = project.default_environment()
    except ConfigurationError:  # reported when the default environment is selected
        default = None
    return cache.Environments(default, names, inputs)


def selected_names(project: Project, selection: Selection, known: cache.Environments | None) -> tuple[str, ...]:
    """Names of selected environments.

    Raises:
        ConfigurationError: no environment is named, and config.yaml names none that exists.
    """
    if known is None:
        return selection.names
    if selection.all and known.names:
        return known.names
    if known.default is not None and not selection.all:
        return (known.default,)
    return (project.default_environment(),)  # raises the errors that explain why there is none


def orphaned_outputs(project: Project, output: Path, names: Sequence[str]) -> list[Diagnostic]:
    """Warn of output that belongs to no environment."""
    made = sorted(path.parent.name for path in output.glob(f"*/{MANIFEST}") if not path.parent.is_symlink())
    return [_orphaned(project, output, name) for name in made if name not in names]


def _orphaned(project: Project, output: Path, environment: str) -> Diagnostic:
    place = shown_path(output / environment)
    return OUTPUT_ORPHANED.at(
        manifest_origin(project, output, environment),
        f"{place} is the output of an environment that is no longer configured.",
        fix=f"Destroy its deployment, then remove the directory: `git rm -r {place}`.",
    )


def manifest_origin(project: Project, output: Path, environment: str) -> Origin:
    """Place of a diagnostic about an environment's output: its manifest."""
    return Origin(Path(os.path.relpath(output / environment / MANIFEST, project.root)).as_posix())
