"""Runs the modules in pytorch/ with the interpreter that has PyTorch, transformers and vLLM."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import parts

MODULES = sorted((Path(__file__).parent / "pytorch").glob("test_*.py"))
SECONDS = 1500


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module_passes_with_pytorch(module: Path, tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    if not parts.pytorch().is_installed:
        pytest.skip("PyTorch, transformers and vLLM are not installed: `make weights-parts`")
    command = [parts.PYTORCH / "bin/python", "-P", "-m", "pytest", "--quiet", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'inner'}", str(module)],
        cwd=parts.ROOT,
        env=parts.pytorch_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    summary = re.findall(r"^\d+ passed in [\d.]+s.*$", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert summary, f"it passed without a test, or left some out:\n{done.stdout[-5000:]}"
    record_property("with PyTorch", summary[-1])
