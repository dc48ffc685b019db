"""The cloud assembly without what is built: the `cdk` CLI makes change sets of it and publishes nothing but templates.

A plan is made before anyone has approved it. From the whole assembly, the CLI would first publish images and code.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.project.paths import shown_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATE = ".lisa"
"""Directory of a project that is not committed."""


@contextmanager
def templates_alone(assembly: Path, project: Path) -> Iterator[Path]:
    """Copy an assembly without its artifacts into a directory of the project, for as long as it is used.

    Args:
        assembly: directory of the assembly.
        project: directory of config.yaml, below which the CLI runs.

    Raises:
        DeployError: the copy cannot be written.
    """
    state = project / _STATE
    try:
        state.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="plan-", dir=state))
    except OSError as error:
        raise DeployError(f"{shown_path(state)} cannot be written: {error.strerror}.") from error
    try:
        _copy(assembly, folder)
        # The name as the project has it: the CLI is given a path from there.
        yield state / folder.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(assembly: Path, folder: Path) -> None:
    for file in assembly.glob("*.json"):
        if file.name.endswith(".assets.json"):
            (folder / file.name).write_text(_without_artifacts(file), encoding="utf-8")
        else:
            shutil.copyfile(file, folder / file.name)


def _without_artifacts(file: Path) -> str:
    content = json.loads(file.read_bytes())
    files = content.get("files", {})
    kept = {
        digest: asset
        for digest, asset in files.items()
        if str(asset["source"].get("path", "")).endswith(".template.json")
    }
    return json.dumps({**content, "files": kept, "dockerImages": {}})
