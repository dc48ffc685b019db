"""Runs the modules in pytorch/ with the interpreter that has PyTorch, transformers and vLLM."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

import parts

MODULES = sorted((Path(__file__).parent / "pytorch").glob("test_*.py"))
SECONDS = 1500


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_module_passes_with_pytorch(module: Path, tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    if not parts.pytorch().is_installed:
        pytest.skip("PyTorch, transformers and vLLM are not installed: `make weights-parts`")
    report = tmp_path / "report.xml"
    options = ["--quiet", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inner'}", f"--junitxml={report}"]
    done = subprocess.run(
        [parts.PYTORCH / "bin/python", "-P", "-m", "pytest", *options, str(module)],
        cwd=parts.ROOT,
        env=parts.pytorch_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    (suite,) = ElementTree.parse(report).getroot()
    assert int(suite.attrib["tests"]) > 0
    assert suite.attrib["skipped"] == "0", done.stdout[-5000:]
    record_property("with PyTorch", suite.attrib["tests"])
