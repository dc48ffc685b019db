"""Old checkpoints through `lisa weights stage` and `download` over a real S3 into the real vLLM: the answers are equal.

A row is a name in `tests/weights/pytorch/loaders.py` (BUILDERS). All rows share two processes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compiler.conftest import configuration
from typer.testing import CliRunner

import parts
from lisa_compiler.cli.app import app
from weights import seaweedfs

ROWS = (
    "llama-tied",
    "gpt2",
    "opt",
    "sentence-dense",
    "sentence-nested-dense",
)
MODEL = "org/small-model"
SECONDS = 1200


def with_pytorch(action: str, directory: Path) -> dict[str, list[Any]]:
    program = parts.ROOT / "tests/weights/pytorch/loaders.py"
    done = subprocess.run(
        [parts.PYTORCH / "bin/python", "-P", str(program), action, str(directory), *ROWS],
        env=parts.pytorch_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def carried(checkpoint: Path, project: Path, store: seaweedfs.Store) -> Path:
    """Stage a checkpoint into the bucket of a project of its own, and download it on a disk that has nothing."""
    bucket = f"models-{uuid.uuid4().hex[:12]}"
    store.do("mb", f"s3://{bucket}")
    project.mkdir()
    text = yaml.safe_dump({"env": "dev", "dev": configuration(s3BucketModels=bucket)})
    (project / "config.yaml").write_text(text, encoding="utf-8")
    model = project / "models" / MODEL
    shutil.copytree(checkpoint, model)
    for command in (("stage", "--yes"), ("download",)):
        arguments = ["weights", *command, "--project", str(project), "--endpoint-url", store.endpoint_url]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        if command[0] == "stage":
            shutil.rmtree(project / "models")
    assert not list(model.rglob("*.bin"))
    return model


@pytest.fixture(scope="module")
def answers(
    tmp_path_factory: pytest.TempPathFactory, store: seaweedfs.Store
) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """What the checkpoints answer in transformers, and what vLLM answers from the bucket's files."""
    if not parts.pytorch().is_installed:
        pytest.skip("PyTorch, transformers and vLLM are not installed: `make weights-parts`")
    root = tmp_path_factory.mktemp("loaders")
    expected = with_pytorch("build", root / "checkpoints")
    served = root / "served"
    served.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for key, value in seaweedfs.OWNER.items():
            patch.setenv(key, value)
        for name in ROWS:
            carried(root / "checkpoints" / name, root / f"project-{name}", store).rename(served / name)
    return expected, with_pytorch("answer", served)


@pytest.mark.parametrize("name", ROWS)
def test_vllm_answers_from_the_bucket_as_transformers_from_the_checkpoint(
    name: str, answers: tuple[dict[str, list[Any]], dict[str, list[Any]]]
) -> None:
    expected, found = answers
    assert len(found[name]) == len(expected[name])
    assert found[name] == pytest.approx(expected[name], abs=1e-4)
