"""The command that imports a model: what it prints, and what it locks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.compiler.conftest import configuration
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_weights.lock import lock_file
from weights.adapter_files import BASE, adapter
from weights.carried import COMMIT, cache, tar
from weights.model_files import checkpoint, content, single, write

MODEL = "org/model"


def test_import_command_locks_the_commit_of_a_cache(tmp_path: Path) -> None:
    project = tmp_path / "project"
    source = cache(tmp_path / "hub", {**single(), "model.onnx": b"x"})
    project.mkdir()
    (project / "config.yaml").write_text(_configuration(), encoding="utf-8")
    done = CliRunner().invoke(app, ["weights", "import", str(source), "--project", str(project)])
    assert done.exit_code == 0, done.output
    assert "org/cached-model: safetensors, commit 0123456789ab, from a Hugging Face cache" in done.output
    assert "2 files (" in done.output
    assert "2 verified by digest → models/org/cached-model" in done.output
    assert "left out: model.onnx (weights for ONNX)" in done.output
    locked = lock_file.load(project / lock_file.LOCK_FILE).models["org/cached-model"]
    assert (locked.kind, locked.revision) == (lock_file.SourceKind.HUB, COMMIT)


def test_import_command_converts_a_checkpoint_and_locks_it(tmp_path: Path) -> None:
    project = tmp_path / "project"
    source = tar(tmp_path / "m.tar.gz", {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")}, "w:gz")
    project.mkdir()
    (project / "config.yaml").write_text(_configuration(), encoding="utf-8")
    done = CliRunner().invoke(app, ["weights", "import", str(source), "--as", MODEL, "--project", str(project)])
    assert done.exit_code == 0, done.output
    locked = lock_file.load(project / lock_file.LOCK_FILE).models[MODEL]
    assert locked.kind is lock_file.SourceKind.LOCAL
    assert "model.safetensors" in {file.path for file in locked.files}


@pytest.mark.parametrize("weights", ["adapter_model.safetensors", "adapter_model.bin"])
def test_adapter_is_kept_and_never_becomes_a_model(tmp_path: Path, weights: str) -> None:
    project = tmp_path / "project"
    files = adapter()
    if weights.endswith(".bin"):
        del files["adapter_model.safetensors"]
        files[weights] = checkpoint(b"abcd")
    source = write(tmp_path / "carried", files)
    project.mkdir()
    (project / "config.yaml").write_text(_configuration(), encoding="utf-8")
    done = CliRunner().invoke(app, ["weights", "import", str(source), "--as", MODEL, "--project", str(project)])
    assert f"an adapter: list it under `adapters` of its base model {BASE}" in done.output
    directory = project / "models" / MODEL
    assert "model.safetensors" not in {path.name for path in directory.iterdir()}
    locked = lock_file.load(project / lock_file.LOCK_FILE).models
    if weights.endswith(".bin"):  # its tensor has no name of an adapter
        assert done.exit_code == 1
        assert "w is not a LoRA tensor" in done.output
        assert MODEL not in locked
    else:
        assert done.exit_code == 0, done.output
        assert [file.path for file in locked[MODEL].files] == sorted(files)
        assert content(directory) == files


def _configuration() -> str:
    return yaml.safe_dump({"env": "dev", "dev": configuration(s3BucketModels="models-bucket")})
