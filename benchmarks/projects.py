"""Projects to compile: fresh copies of the repository's example, so that its own generated/ is never touched."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.process import REPOSITORY, RunError

ENVIRONMENT = "dev"
OUTPUT = f"generated/{ENVIRONMENT}"
# Model of the example whose instance type is changed, and what it becomes.
_CHANGED_MODEL = "mistral-7b"
_CHANGED_TYPE = "g5.2xlarge"


@contextmanager
def example() -> Iterator[Path]:
    """A copy of the example project, without output; removed afterwards."""
    with TemporaryDirectory(prefix="lisa-bench-") as folder:
        project = Path(folder)
        shutil.copy(REPOSITORY / "config.yaml", project)
        for name in ("environments", "artifacts"):
            if (REPOSITORY / name).is_dir():
                shutil.copytree(REPOSITORY / name, project / name)
        yield project


@contextmanager
def with_models(count: int) -> Iterator[Path]:
    """The example with so many models: its own in turn, each under a name of its own."""
    with example() as project:
        path = project / "config.yaml"
        config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        own = config[ENVIRONMENT]["ecsModels"]
        models = [deepcopy(own[number % len(own)]) for number in range(count)]
        for number, model in enumerate(models, start=1):
            model["modelId"] = f"{model['modelId']}-{number}"
            model["modelName"] = f"{model['modelName']}-{number}"
        config[ENVIRONMENT]["ecsModels"] = models
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        yield project


@contextmanager
def with_environments(count: int, models: int) -> Iterator[Path]:
    """So many environments of the example with so many models each, all in config.yaml."""
    with with_models(models) as project:
        path = project / "config.yaml"
        config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        base = {**config.get("base", {}), **config[ENVIRONMENT]}
        names = [f"e{number:02}" for number in range(count)]
        blocks = {name: {"deploymentName": f"demo-{name}"} for name in names}
        path.write_text(yaml.safe_dump({"env": names[0], "base": base, **blocks}, sort_keys=False), encoding="utf-8")
        shutil.rmtree(project / "environments")
        yield project


def change_one_model(project: Path, model: str = _CHANGED_MODEL, instance_type: str = _CHANGED_TYPE) -> None:
    """Give a model another instance type, as a person would: in the file."""
    path = project / "config.yaml"
    pattern = rf"(modelId: {model}\n(?:(?!.*modelId:).*\n)*?\s*instanceType: )\S+"
    text, changes = re.subn(pattern, rf"\g<1>{instance_type}", path.read_text(encoding="utf-8"))
    if changes != 1:
        raise RunError(f"config.yaml has no model {model} with an instanceType")
    path.write_text(text, encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
