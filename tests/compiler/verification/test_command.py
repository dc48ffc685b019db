"""The command `lisa verify`, and what `lisa deploy` makes of it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import pytest
from typer.testing import CliRunner

from lisa_compiler.artifacts.assembly import Stack
from lisa_compiler.aws import account as account_module
from lisa_compiler.cli.app import app
from lisa_compiler.deploy import session
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.deploy.plan import Action, StackChange
from lisa_compiler.deploy.session import DeploySession, Outcome, StackPlan
from lisa_compiler.ledger import journal, source

from .conftest import TOKEN, System

if TYPE_CHECKING:
    from tests.compiler.conftest import Project


@dataclass
class Result:
    code: int
    out: str
    err: str


Lisa = Callable[..., Result]


@pytest.fixture
def lisa(system: System, project: Project, monkeypatch: pytest.MonkeyPatch) -> Lisa:
    """Run commands against the system; its compiled output is taken as up to date."""
    from tests.compiler.conftest import TGI

    from .conftest import EMBEDDING

    amis = {"amiId": "ami-0123456789abcdef0", "gpuAmiId": "ami-0123456789abcdef1"}
    project.write(ecsModels=[dict(TGI), dict(EMBEDDING)], amiConfig=amis)
    stacks = tuple(
        Stack(
            component=each.component,
            name=each.name,
            template=Path(),
            tags={},
            depends_on=(),
            reader=None,
            deployer=None,
        )
        for each in system.deployment.stacks
    )
    assembly = SimpleNamespace(stacks=stacks, artifacts_of=lambda _: (), directory=project.folder / "cloudformation")
    monkeypatch.setattr(DeploymentContext, "assembly", lambda _: assembly)
    monkeypatch.setattr(DeploymentContext, "require_up_to_date", lambda _: None)
    monkeypatch.setattr(DeploymentContext, "staleness_warning", lambda _: None)
    monkeypatch.setattr(account_module, "connect", lambda *_: system.aws.account())
    monkeypatch.delenv("LISA_API_TOKEN", raising=False)
    runner = CliRunner()

    def run(command: str, *arguments: str) -> Result:
        result = runner.invoke(app, [command, "--project", str(project.folder), *arguments], prog_name="lisa")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.stdout, result.stderr)

    return run


def test_verify_shows_a_table(lisa: Lisa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISA_API_TOKEN", TOKEN)
    result = lisa("verify")
    assert result.code == 0, result.err
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[0] == ["STACK", "CHECK", "RESULT", "DETAIL"]
    assert ["serve", "tasks", "ok", "2", "of", "2", "running"] in rows
    assert result.err == f"dev: {len(rows) - 1} checks passed\n"


def test_verify_fails_with_the_fix(lisa: Lisa, system: System) -> None:
    system.services["serve"].joined.clear()
    result = lisa("verify")
    assert result.code == 1
    assert "serve, instances: Run `aws ec2 get-console-output" in result.err
    assert result.err.endswith("checks failed, 1 not verified\n")


def test_verify_without_token_reports_what_is_not_verified(lisa: Lisa) -> None:
    result = lisa("verify")
    assert result.code == 0, result.err
    assert "serve, requests: Set LISA_API_TOKEN" in result.err
    assert result.err.endswith("checks passed, 1 not verified\n")


def test_verify_reads_the_token_from_a_file(lisa: Lisa, tmp_path: Path, system: System) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert lisa("verify", "--token-file", str(file)).code == 0
    assert {token for path, token, _ in system.gateway.requests if path != "/health"} == {f"Bearer {TOKEN}"}
    file.write_text("\n")
    empty, missing = lisa("verify", "--token-file", str(file)), lisa("verify", "--token-file", str(tmp_path / "none"))
    assert (empty.code, missing.code) == (1, 1)
    assert "has no token" in empty.err
    assert "Correct --token-file" in missing.err


def test_verify_as_json(lisa: Lisa, system: System) -> None:
    del system.statuses["chat"]
    result = lisa("verify", "--format", "json")
    (failed,) = [check for check in json.loads(result.out) if check["outcome"] == "failed"]
    assert (result.code, failed["component"], failed["fix"]) == (1, "chat", "Run `lisa deploy`.")


def test_verify_takes_only_web_addresses(lisa: Lisa) -> None:
    assert lisa("verify", "--url", "file:///etc/passwd").code == 2


@pytest.fixture
def without_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment in which no stack has changed; its ledger has tests of its own."""
    monkeypatch.setattr(session.cdk_cli, "find", lambda _: SimpleNamespace(version="2"))
    monkeypatch.setattr(source, "read_source", lambda *_: source.Source(digest="0" * 64, commit=None))
    empty = create_autospec(journal.Journal, instance=True, base="")
    monkeypatch.setattr(journal, "open_journal", lambda *_: nullcontext(empty))
    monkeypatch.setattr(DeploySession, "plan_deployment", lambda self, _: planned(self))


def planned(session: DeploySession, *steps: StackChange) -> StackPlan:
    return StackPlan(selected=tuple(session.assembly.stacks), steps=steps, orphaned=())


@pytest.mark.usefixtures("without_changes")
def test_deploy_verifies_even_without_changes(lisa: Lisa, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lisa_compiler.cli.deploy._WAIT_AFTER_DEPLOYMENT", 0.0)
    assert lisa("deploy", "--yes").code == 0
    system.services["serve"].targets[0]["TargetHealth"].update(State="unhealthy", Reason="Target.Timeout")
    broken, left_out = lisa("deploy", "--yes"), lisa("deploy", "--yes", "--no-verify")
    assert (broken.code, left_out.code) == (1, 0)
    assert "serve, targets: " in broken.err
    assert left_out.out == ""


@pytest.mark.usefixtures("without_changes")
def test_deploy_verifies_after_changes(lisa: Lisa, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = [0, 1]
    step = StackChange("serve", system.deployment.stack("serve").name, Action.UPDATE)
    monkeypatch.setattr(DeploySession, "plan_deployment", lambda self, _: planned(self, step))
    monkeypatch.setattr("lisa_compiler.cli.deploy.publish_missing", lambda *_: None)
    outcome = functools.partial(Outcome, failures={}, outputs={})
    monkeypatch.setattr(DeploySession, "deploy", lambda *_: outcome(code=codes.pop(0)))
    verified, failed = lisa("deploy", "--yes"), lisa("deploy", "--yes")
    assert (verified.code, failed.code) == (0, 1)
    assert "serve" in verified.out
    assert failed.out == ""
