"""Settings: the keys of an environment's configuration, where each was written, and what it is by default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from lisa_compiler.project.load import load
from lisa_compiler.review.defaults import default_of
from lisa_compiler.review.differences import ABSENT, shown
from lisa_schema.document import Document, Path, ScalarNode, SequenceNode, child, key_path, plain_data
from lisa_schema.effective import effective, part_of
from lisa_schema.errors import ConfigurationError, LisaError
from lisa_schema.overlay import parse_override

_ENTRY = {
    "ecsModels": ("modelId", "modelName"),
    "ragRepositories": ("repositoryId",),
    "model_list": ("model_name",),
}
"""By the last key of a list's path, what names its entries."""


_UNSET = "not set"


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the configuration with its value.

    Attributes:
        path: keys and positions.
        text: the value, in a line.
        origin: `environments/prod.yaml:90:19`, or `default`.
    """

    path: Path
    text: str
    origin: str

    @property
    def is_set(self) -> bool:
        """Whether it has a value, be it the default."""
        return self.text != _UNSET

    def __str__(self) -> str:
        return f"{key_path(self.path)} = {self.text}"


class Settings:
    """The settings of one environment.

    Attributes:
        environment: its name.
        document: the merged files.
    """

    def __init__(self, project: FilePath, environment: str | None) -> None:
        loaded = load(project, environment)
        self.environment = loaded.environment
        self.document: Document = loaded.document
        self.plain: dict[str, Any] = loaded.document.plain()

    def parse(self, text: str) -> Path | None:
        """Read a key as `--set` takes it; None when the configuration has no such key."""
        try:
            steps = parse_override(f"{text}=0").path
        except ConfigurationError:
            return None
        path: Path = ()
        for step in steps:
            path = (*path, self._position(path, step))
        return path if self._is_known(path) else None

    def setting(self, path: Path) -> Setting:
        """What a key is, and where that was written."""
        node = self.document.find(path)
        if node is None or (isinstance(node, ScalarNode) and node.is_null):
            default = default_of(path)
            return Setting(path, _UNSET if default in (ABSENT, None, "") else shown(default, 60), "default")
        value = node.text if isinstance(node, ScalarNode) else plain_data(node)
        origin = self.document.key_origin(path) if not isinstance(node, ScalarNode) else node.origin
        return Setting(path, shown(value, 60), str(origin))

    def _position(self, path: Path, step: str | int) -> str | int:
        """A list's entry may be named: `ecsModels[mistral-7b]`."""
        node = self.document.find(path)
        names = _ENTRY.get(str(path[-1])) if path else None
        if isinstance(node, SequenceNode) and isinstance(step, str) and names:
            for index, item in enumerate(node.items):
                values = [child(item, name) for name in names]
                if step in [value.text for value in values if isinstance(value, ScalarNode)][:1]:
                    return index
            raise LisaError(f"{key_path(path)} has no entry `{step}`.")
        return step

    def _is_known(self, path: Path) -> bool:
        part: Any = effective()
        for index, step in enumerate(path):
            part = part_of(part, step, self._value(path[:index]))
            if not part:
                return self.document.find(path) is not None
        if any(isinstance(step, int) for step in path):
            return self.document.find(path[: 1 + max(n for n, s in enumerate(path) if isinstance(s, int))]) is not None
        return bool(path)

    def _value(self, path: Path) -> Any:
        node = self.document.find(path)
        return plain_data(node) if node is not None else {}
