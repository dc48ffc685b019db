"""A project on disk: its environments, each loaded and validated once, and the files that stand beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lisa_compiler.project.paths import MODELS, OUTPUT, WEIGHTS_LOCK, ami_lock
from lisa_schema.errors import ConfigurationError

if TYPE_CHECKING:
    from lisa_compiler.project.load import Loaded
    from lisa_schema.diagnostics import Diagnostic
    from lisa_schema.document import Document
    from lisa_schema.models import Config
    from lisa_schema.overlay import Override

SHORTCUTS: Final = {
    "--profile": "profile",
    "--deployment-name": "deploymentName",
    "--account-number": "accountNumber",
    "--region": "region",
}
"""Options that stand for a field of the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Environments of a project.

    Attributes:
        names: their names, each once; empty for the default environment.
        all: whether every environment is selected.
    """

    names: tuple[str, ...] = ()
    all: bool = False


@dataclass(frozen=True, slots=True)
class ValidEnvironment:
    """A valid environment of a project.

    Attributes:
        root: directory of config.yaml.
        name: name of the environment.
        document: the merged configuration, with the line of each value.
        config: the effective configuration.
        diagnostics: warnings about the files, then about the configuration.
    """

    root: Path
    name: str
    document: Document
    config: Config
    diagnostics: tuple[Diagnostic, ...]

    def with_config(self, **changes: object) -> ValidEnvironment:
        """Return the environment with fields of its configuration replaced; the changes are not validated."""
        return replace(self, config=self.config.model_copy(update=changes))


@dataclass(frozen=True)
class Project:
    """A project, and the options that change its configuration for this run.

    Creating one reads nothing: commands that find nothing to do never read the configuration.

    Attributes:
        root: directory of config.yaml.
        options: pairs of option and value, such as (`--region`, `us-east-1`) and (`--set appName`, `lisa`).
        changes: values that win over the options, set by a program rather than on the command line.
    """

    root: Path
    options: tuple[tuple[str, str], ...] = ()
    changes: tuple[Override, ...] = ()
    _loaded: dict[str | None, Loaded] = field(default_factory=dict, repr=False, compare=False)
    _valid: dict[str, ValidEnvironment] = field(default_factory=dict, repr=False, compare=False)

    @property
    def output(self) -> Path:
        """Directory of all environments' compiled output, unless a command names another one."""
        return self.root / OUTPUT

    @property
    def models(self) -> Path:
        """Directory of local models."""
        return self.root / MODELS

    @property
    def weights_lock(self) -> Path:
        """Lock file of weights."""
        return self.root / WEIGHTS_LOCK

    def ami_lock(self, environment: str) -> Path:
        """Lock file of an environment's AMIs."""
        return self.root / ami_lock(environment)

    def overrides(self) -> tuple[Override, ...]:
        """Read the options; the changes follow them.

        Raises:
            ConfigurationError: options are wrong; it has all of them.
        """
        if not self.options:
            return self.changes
        from lisa_schema.overlay import Override, parse_override  # noqa: PLC0415  # 40 ms, if nothing has changed

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
        return (*found, *self.changes)

    def environments(self) -> tuple[str, ...]:
        """Names of all environments.

        Raises:
            ConfigurationError: config.yaml cannot be read.
        """
        from lisa_compiler.project.load import environments  # noqa: PLC0415  # 40 ms, if nothing has changed

        return environments(self.root)

    def load(self, name: str | None) -> Loaded:
        """Load an environment, once.

        Args:
            name: name of the environment; None for `env` in config.yaml.

        Raises:
            ConfigurationError: a file or an option is wrong, or the environment does not exist.
        """
        if name not in self._loaded:
            from lisa_compiler.project.load import load  # noqa: PLC0415  # 40 ms, if nothing has changed

            loaded = load(self.root, name, self.overrides())
            self._loaded[name] = self._loaded.setdefault(loaded.environment, loaded)
        return self._loaded[name]

    def default_environment(self) -> str:
        """Name of the environment that `env` in config.yaml names; this keeps nothing that was read.

        Raises:
            ConfigurationError: it names none, or one that does not exist.
        """
        from lisa_compiler.project.load import default_environment  # noqa: PLC0415  # 40 ms, if nothing has changed

        return default_environment(self.root)

    def selected(self, selection: Selection) -> tuple[str | None, ...]:
        """Names of selected environments; None for `env` in config.yaml.

        Raises:
            ConfigurationError: config.yaml cannot be read.
        """
        return (self.environments() if selection.all else ()) or selection.names or (None,)

    def environment(self, name: str | None) -> ValidEnvironment:
        """Load and validate an environment, once.

        Args:
            name: name of the environment; None for `env` in config.yaml.

        Raises:
            ConfigurationError: the configuration has errors; it has all of them.
        """
        loaded = self.load(name)
        if loaded.environment not in self._valid:
            from lisa_schema.validate import validate  # noqa: PLC0415  # 150 ms (pydantic), if nothing has changed

            found = validate(loaded.document)
            self._valid[loaded.environment] = ValidEnvironment(
                root=self.root,
                name=loaded.environment,
                document=loaded.document,
                config=found.config,
                diagnostics=(*loaded.diagnostics, *found.diagnostics),
            )
        return self._valid[loaded.environment]

    def valid_environments(self, names: Iterable[str | None]) -> list[ValidEnvironment]:
        """Validate environments.

        Raises:
            ConfigurationError: some have errors; it has those of all of them.
        """
        valid: list[ValidEnvironment] = []
        errors: list[Diagnostic] = []
        for name in names:
            try:
                valid.append(self.environment(name))
            except ConfigurationError as error:
                errors += error.diagnostics
        if any(error.is_error for error in errors):
            raise ConfigurationError(errors)
        return valid

    def other_environments(self, names: Collection[str]) -> list[ValidEnvironment]:
        """Validate the environments that are not named, as their files have them; those with errors are left out."""
        files = Project(self.root)
        found = []
        for name in self.environments():
            if name not in names:
                try:
                    found.append(files.environment(name))
                except ConfigurationError:
                    continue
        return found

    def validate(self, selection: Selection) -> tuple[list[ValidEnvironment], tuple[Diagnostic, ...]]:
        """Validate environments; returns those that are valid, and the diagnostics of all.

        Raises:
            ConfigurationError: config.yaml cannot be read, or options are wrong.
        """
        self.overrides()
        valid: list[ValidEnvironment] = []
        found: list[Diagnostic] = []
        for name in self.selected(selection):
            try:
                environment = self.environment(name)
            except ConfigurationError as error:
                found += error.diagnostics
            else:
                valid.append(environment)
                found += environment.diagnostics
        return valid, tuple(found)


def assignment_options(assignments: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Options of a project for assignments as `--set` has them: `ecsModels[0].deploy=false`."""
    options = []
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        options.append((f"--set {path}", value) if equals and path else ("--set", assignment))
    return tuple(options)
