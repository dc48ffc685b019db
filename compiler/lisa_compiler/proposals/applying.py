"""A proposal applied to the working tree: only when the whole configuration is valid with it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lisa_compiler.project.load import CONFIG_FILE, OVERLAY_FOLDER, load
from lisa_compiler.proposals.yaml_file import YamlFile
from lisa_schema.atomic_file import replace_file
from lisa_schema.validate import Validated, validate


def check(project: Path, environment: str, file: YamlFile) -> Validated:
    """Validate the environment as it would be, in a copy of its files.

    Raises ConfigurationError with everything that is wrong with it.
    """
    with tempfile.TemporaryDirectory(prefix="lisa-") as folder:
        copy = Path(folder)
        shutil.copy2(project / CONFIG_FILE, copy / CONFIG_FILE)
        if (project / OVERLAY_FOLDER).is_dir():
            shutil.copytree(project / OVERLAY_FOLDER, copy / OVERLAY_FOLDER)
        save(copy, file)
        return validate(load(copy, environment).document)


def save(project: Path, file: YamlFile) -> Path:
    """Write a changed file atomically; returns its path."""
    path = project / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, file.after().encode())
    return path
