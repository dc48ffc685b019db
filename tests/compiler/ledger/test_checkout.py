"""Which deployment a rollback goes back to, and its commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.ledger.checkout import checked_out, find_target
from lisa_compiler.ledger.records import Record, Result


def record(
    number: int, letter: str, result: Result = Result.SUCCEEDED, *, command: str = "deploy", **other: object
) -> Record:
    values: dict[str, object] = {
        "identity": f"2026-11-{number:02}",
        "command": command,
        "environment": "prod",
        "commit": letter * 40,
        "uncommitted": False,
        "digest": letter * 64,
        "version": "3.0.0",
        "owner": "me",
        "run": "",
        "began": f"2026-11-{number:02}",
        "stacks": ("iam",),
        "whole": True,
        "result": result,
    }
    return Record(**{**values, **other})  # type: ignore[arg-type]  # values of a record


A, B = record(1, "a"), record(2, "b")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([B, A], A),
        ([record(3, "c", Result.FAILED), B, A], B),
        ([record(3, "c", Result.UNFINISHED), B, A], B),
        ([record(3, "b", Result.FAILED), B, A], B),
        ([record(3, "b"), B, A], A),
        ([record(3, "c"), record(2, "b", whole=False), A], A),
        ([record(3, "c"), record(2, "b", uncommitted=True), A], A),
        ([record(3, "c"), record(2, "b", commit=""), A], A),
        ([record(3, "c", command="destroy"), B, A], A),
    ],
)
def test_the_last_good_deployment_before_this_one(records: list[Record], expected: Record) -> None:
    assert find_target(records, None, "prod") == expected


@pytest.mark.parametrize(
    "records",
    [
        [],
        [A],
        [record(3, "a", command="rollback"), B, A],
        [record(2, "b", Result.FAILED)],
        [B, record(1, "a", Result.FAILED)],
    ],
)
def test_there_may_be_none(records: list[Record]) -> None:
    with pytest.raises(DeployError, match="The ledger of prod has no earlier deployment"):
        find_target(records, None, "prod")


def test_a_commit_that_was_asked_for() -> None:
    assert find_target([record(3, "a", command="rollback"), B, A], "bbbb", "prod") == B
    with pytest.raises(DeployError, match=r"No deployment of commit cccc has succeeded: see `lisa status --env prod"):
        find_target([B, A], "cccc", "prod")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_commit_is_checked_out_beside_the_project(tmp_path: Path) -> None:
    project = tmp_path / "repository" / "models"
    project.mkdir(parents=True)
    git(project.parent, "init", "--quiet")
    commits = []
    for text in ("first", "second"):
        (project / "config.yaml").write_text(text)
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--message", text)
        commits.append(git(project, "rev-parse", "HEAD"))
    (project / "config.yaml").write_text("in work")
    with checked_out(project, commits[0]) as found:
        assert found.name == "models"
        assert (found / "config.yaml").read_text() == "first"
    assert not found.exists()
    assert (project / "config.yaml").read_text() == "in work"
    assert git(project, "worktree", "list").count("\n") == 0
    with (
        pytest.raises(DeployError, match="This clone does not have commit aaaaaaaaaaaa"),
        checked_out(project, "a" * 40),
    ):
        raise AssertionError("checked out")
