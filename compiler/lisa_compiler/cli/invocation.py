"""What a command is called with: a project, the selected environments and the options that change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lisa_compiler.project.project import Project, Selection, assignment_options


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options that many commands share.

    Attributes:
        project: the project, with the options that change its configuration.
        selection: the selected environments.
    """

    project: Project
    selection: Selection

    @property
    def environment(self) -> str | None:
        """Name of the one environment of the command; None for `env` in config.yaml."""
        return next(iter(self.selection.names), None)


def build_invocation(
    root: Path,
    environments: Sequence[str] = (),
    *,
    every: bool = False,
    shortcuts: Sequence[tuple[str, str | None]] = (),
    assignments: Sequence[str] = (),
) -> Invocation:
    """Collect options.

    Args:
        root: directory of config.yaml.
        environments: names given with --env.
        every: whether --all is given.
        shortcuts: options that stand for a field; one with an empty value is ignored, since `make` passes on variables
            that are not set.
        assignments: values of --set.
    """
    options = (*((name, value) for name, value in shortcuts if value), *assignment_options(assignments))
    return Invocation(Project(root, options), Selection(names=tuple(dict.fromkeys(environments)), all=every))
