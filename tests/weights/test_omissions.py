"""Whether commands list each file that is not served, with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tests.compiler.conftest import configuration
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from weights.model_files import checkpoint, single, write

MODEL = "org/small-model"
OTHERS = {"README.md": b"# x", "notes/plan.txt": b"x", "optimizer.pt": b"x", "model.gguf": b"x"}
LINES = (
    "omitted (documentation): README.md",
    "omitted (notes is a folder that neither modules.json nor code refers to): notes/plan.txt",
    "omitted (state of training): optimizer.pt",
    "omitted (GGUF, llama.cpp's format): model.gguf",
)


def run(project: Path, command: str, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["weights", command, *arguments, "--project", str(project)])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def project(tmp_path: Path) -> Path:
    text = yaml.safe_dump({"env": "dev", "dev": configuration()})
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    write(tmp_path / "models" / MODEL, single() | OTHERS)
    return tmp_path


def test_status_lists_what_is_omitted(project: Path) -> None:
    found = run(project, "status", "--offline")
    assert all(f"{MODEL}: {line}" in found for line in LINES)
    (row,) = json.loads(run(project, "status", "--offline", "--format", "json"))
    assert {"path": "README.md", "reason": "documentation"} in row["omitted"]


def test_conversion_lists_what_is_omitted(tmp_path: Path) -> None:
    files = {"config.json": b"{}", "pytorch_model.bin": checkpoint(b"abcd")} | OTHERS
    directory = write(tmp_path / "m", files)
    found = CliRunner().invoke(app, ["weights", "convert", str(directory)]).output
    assert all(line in found for line in LINES)
    assert "omitted (a PyTorch checkpoint, whose safetensors are served): pytorch_model.bin" in found
