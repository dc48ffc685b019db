"""Every configuration that the schema's tests call good compiles, and its output is traced to its keys."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from lisa_compiler.compile.pipeline import compile_environment
from lisa_compiler.compile.provenance import trace
from lisa_compiler.project.load import environments

CONFIGS = sorted((Path(__file__).parents[1] / "schema" / "configs" / "good").glob("*.yaml"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_good_configuration_compiles(config: Path, tmp_path: Path) -> None:
    shutil.copy(config, tmp_path / "config.yaml")
    for prebuilt in re.findall(r"\S+\.(?:tar|zip)\b", config.read_text(encoding="utf-8")):
        checksum = tmp_path / f"{prebuilt}.sha256"
        checksum.parent.mkdir(parents=True, exist_ok=True)
        checksum.write_text("0" * 64, encoding="utf-8")
    (tmp_path / "web" / "dist").mkdir(parents=True)
    (tmp_path / "web" / "dist" / "index.html").write_text("<!doctype html>", encoding="utf-8")
    for environment in environments(tmp_path):
        compiled = compile_environment(tmp_path, environment)
        assert "cloudformation/manifest.json" in compiled.files
        assert "SUMMARY.md" in compiled.files
        assert trace(tmp_path, environment, compiled.config, compiled.files).unknown == frozenset()
