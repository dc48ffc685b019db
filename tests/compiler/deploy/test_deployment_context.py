"""Whether compiled output is up to date: required, or reported."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy import deployment_context
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.output.diff import FileChange, FileChangeType
from lisa_compiler.project.project import Project
from lisa_schema.errors import ConfigurationError

CHANGE = FileChange("SUMMARY.md", FileChangeType.CHANGED, b"old", b"new")


@pytest.fixture
def context(tmp_path: Path) -> DeploymentContext:
    planned: Any = SimpleNamespace(deployment=SimpleNamespace(environment="dev"))
    return DeploymentContext(Project(tmp_path), planned)


def test_deployment_context_accepts_up_to_date_output(
    context: DeploymentContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_context, "differences", lambda *_, **__: ())
    context.require_up_to_date()
    assert context.staleness_warning() is None


def test_deployment_context_reports_outdated_output(
    context: DeploymentContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_context, "differences", lambda *_, **__: (CHANGE,))
    with pytest.raises(DeployError, match=r"out of date \(1 changed\)\. Only reviewed output can be deployed"):
        context.require_up_to_date()
    assert "out of date (1 changed). This command uses it as it is" in (context.staleness_warning() or "")


def test_deployment_context_reports_invalid_sources(
    context: DeploymentContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConfigurationError([])

    monkeypatch.setattr(deployment_context, "differences", fail)
    with pytest.raises(ConfigurationError):
        context.require_up_to_date()
    assert "cannot be compared with its sources" in (context.staleness_warning() or "")
