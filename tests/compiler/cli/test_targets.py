"""Whether compiled output is up to date: required, or reported."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.cli import compiling
from lisa_compiler.cli.requests import request
from lisa_compiler.cli.targets import Target
from lisa_compiler.output.diff import FileChange, FileChangeType
from lisa_schema.errors import ConfigurationError

CHANGE = FileChange("SUMMARY.md", FileChangeType.CHANGED, b"old", b"new")


@pytest.fixture
def target(tmp_path: Path) -> Target:
    deployment: Any = SimpleNamespace(environment="dev")
    return Target(request(tmp_path, ["dev"]), deployment)


def test_output_that_is_up_to_date_is_accepted(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compiling, "differences", lambda *_: ())
    target.require_up_to_date()
    target.warn_if_out_of_date()
    assert capsys.readouterr().err == ""


def test_output_that_is_out_of_date_is_refused_or_reported(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compiling, "differences", lambda *_: (CHANGE,))
    with pytest.raises(DeployError, match=r"out of date \(1 changed\)\. Only reviewed output can be deployed"):
        target.require_up_to_date()
    target.warn_if_out_of_date()
    assert "out of date (1 changed). This command uses it as it is" in capsys.readouterr().err


def test_sources_that_do_not_compile_are_refused_or_reported(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ConfigurationError([])

    monkeypatch.setattr(compiling, "differences", fail)
    with pytest.raises(ConfigurationError):
        target.require_up_to_date()
    target.warn_if_out_of_date()
    assert "cannot be compared with its sources" in capsys.readouterr().err
