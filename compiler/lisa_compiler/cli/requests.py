"""What a command was asked to do: the project, the environments and the options that change the configuration."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_schema.diagnostics import Diagnostic
    from lisa_schema.overlay import Override

SHORTCUTS = {
    "--profile": "profile",
    "--deployment-name": "deploymentName",
    "--account-number": "accountNumber",
    "--region": "region",
}
"""Options that stand for a field of the configuration."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the options say that many commands share.

    Attributes:
        project: directory of config.yaml.
        environments: names given with --env, each once; empty for the default environment.
        all: whether every environment is meant.
        options: (option, value) of those that change the configuration: (`--region`, `us-east-1`),
            (`--set appName`, `lisa`).
    """

    project: Path
    environments: tuple[str, ...] = ()
    all: bool = False
    options: tuple[tuple[str, str], ...] = ()

    @property
    def shown_project(self) -> str:
        """Path of the project as the reader sees it: empty for the current directory."""
        return "" if (shown := shown_path(self.project)) == "." else shown

    def overrides(self) -> tuple[Override, ...]:
        """Read the options; raises ConfigurationError with everything that is wrong with them."""
        from lisa_schema.errors import ConfigurationError
        from lisa_schema.overlay import Override, parse_override

        found: list[Override] = []
        errors: list[Diagnostic] = []
        for option, value in self.options:
            if option in SHORTCUTS:
                found.append(Override(option, (SHORTCUTS[option],), value))
                continue
            try:
                found.append(parse_override(f"{option.removeprefix('--set ')}={value}" if " " in option else value))
            except ConfigurationError as error:
                errors += error.diagnostics
        if errors:
            raise ConfigurationError(errors)
        return tuple(found)


def request(
    project: Path,
    environments: Sequence[str] | None,
    *,
    every: bool = False,
    shortcuts: Sequence[tuple[str, str | None]] = (),
    assignments: Sequence[str] | None = None,
) -> Request:
    """Gather the options. An empty value of a shortcut is none: `make` hands over variables that are not set."""
    options = [(name, value) for name, value in shortcuts if value]
    for assignment in assignments or ():
        path, equals, value = assignment.partition("=")
        options.append((f"--set {path}", value) if equals and path else ("--set", assignment))
    return Request(project, tuple(dict.fromkeys(environments or ())), every, tuple(options))


def shown_path(path: Path) -> str:
    """Name a path as the reader sees it: relative to the working directory when it lies below, else absolute."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow links, and show another path
    try:
        return whole.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return whole.as_posix()
