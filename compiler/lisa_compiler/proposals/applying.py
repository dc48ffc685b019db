"""A changed file of the configuration: validated with the others, then written."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lisa_compiler.project.load import load
from lisa_compiler.project.paths import CONFIG_FILE, OVERLAY_FOLDER
from lisa_compiler.proposals.yaml_file import YamlFile
from lisa_schema.atomic_file import replace_file
from lisa_schema.validate import Validated, validate


def validate_with(project: Path, environment: str, file: YamlFile) -> Validated:
    """Validate an environment with a changed file, in a copy of its files.

    Raises ConfigurationError with all errors.
    """
    with tempfile.TemporaryDirectory(prefix="lisa-") as folder:
        copy = Path(folder)
        shutil.copy2(project / CONFIG_FILE, copy / CONFIG_FILE)
        if (project / OVERLAY_FOLDER).is_dir():
            shutil.copytree(project / OVERLAY_FOLDER, copy / OVERLAY_FOLDER)
        save(copy, file)
        return validate(load(copy, environment).document)


def save(project: Path, file: YamlFile) -> Path:
    """Write a changed file in one step, so that no process reads half of it; returns its path."""
    path = project / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, file.after().encode())
    return path
