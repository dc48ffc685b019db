"""The files of a plan, and the digest that ties what is applied to what was approved."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.ci.plan_files import NOTHING, PlanFiles, require_digest


def test_variables_are_for_a_shell(tmp_path: Path) -> None:
    files = PlanFiles(tmp_path / "plans", "prod")
    files.clear()
    files.plan.write_text("{}")
    files.describe("# Plan\n")
    digest = hashlib.sha256(b"{}").hexdigest()
    said = subprocess.run(
        ["sh", "-c", f'. {files.variables} && printf "%s %s" "$LISA_PLANNED" "$LISA_PLAN_SHA256"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout == f"true {digest}"
    assert files.text.read_text() == "# Plan\n"
    assert require_digest(files.plan, digest)
    assert require_digest(files.plan, f" {digest.upper()}\n")


def test_nothing_planned_is_told_as_such(tmp_path: Path) -> None:
    files = PlanFiles(tmp_path / "plans", "prod")
    files.clear()
    files.describe("nothing")
    assert files.variables.read_text() == "LISA_PLANNED=false\nLISA_PLAN_SHA256=none\n"
    assert not require_digest(files.plan, NOTHING)


@pytest.mark.parametrize("expected", ["", "0" * 64, NOTHING, "ü"])
def test_another_file_is_refused(tmp_path: Path, expected: str) -> None:
    plan = tmp_path / "prod.json"
    plan.write_text("{}")
    with pytest.raises(DeployError, match=r"prod\.json is not the plan that was approved: its SHA-256 is [0-9a-f]{64}"):
        require_digest(plan, expected)


@pytest.mark.parametrize("expected", ["", "0" * 64])
def test_missing_plan_is_refused(tmp_path: Path, expected: str) -> None:
    with pytest.raises(DeployError, match="none, it is missing"):
        require_digest(tmp_path / "prod.json", expected)


def test_files_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    files = PlanFiles(tmp_path, "prod")
    for path in (files.plan, files.text, files.variables):
        path.write_text("old")
    (tmp_path / "dev.json").write_text("another")
    files.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["dev.json"]
