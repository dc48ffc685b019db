"""Whether an environment is deployed: by the ledger, whatever was pushed or canceled meanwhile."""

from __future__ import annotations

import pytest

from lisa_compiler.ci.standing import judge
from lisa_compiler.ledger.records import Record, Result


def record(digest: str, result: Result = Result.SUCCEEDED, **other: object) -> Record:
    values: dict[str, object] = {
        "identity": "2026-11-29",
        "command": "deploy",
        "environment": "prod",
        "commit": digest * 40,
        "uncommitted": False,
        "digest": digest * 64,
        "version": "3.0.0",
        "owner": "me",
        "run": "",
        "began": "2026-11-29",
        "stacks": ("iam",),
        "whole": True,
        "result": result,
    }
    return Record(**{**values, **other})  # type: ignore[arg-type]  # values of a record


@pytest.mark.parametrize(
    ("records", "needs", "words"),
    [
        ([], True, "the ledger has no deployment"),
        ([record("a")], False, "`lisa deploy` of commit aaaaaaaaaaaa deployed this output"),
        ([record("b")], True, "commit bbbbbbbbbbbb is deployed"),
        # What was pushed before and never deployed is no record: only what is deployed counts.
        ([record("b"), record("a")], True, "commit bbbbbbbbbbbb is deployed"),
        ([record("a", Result.FAILED, detail="serve")], True, "failed: serve"),
        ([record("a", Result.INTERRUPTED), record("a")], True, "was interrupted"),
        ([record("a", Result.UNFINISHED), record("a")], True, "has not ended, or was killed"),
        ([record("a", whole=False), record("a")], True, "changed selected stacks alone"),
        ([record("a", uncommitted=True)], True, "had uncommitted files"),
        ([record("a", command="destroy")], False, "has removed it"),
        ([record("b", command="destroy")], True, "has removed it, and the output has changed since"),
        ([record("a", command="destroy", whole=False)], True, "changed selected stacks alone"),
        ([record("b", command="rollback"), record("a")], True, "a rollback went back to: this plan brings the later"),
        ([record("a", command="rollback"), record("b")], False, "deployed this output"),
        ([record("b", commit="")], True, "output bbbbbbbbbbbb is deployed"),
    ],
)
def test_newest_record_decides(records: list[Record], needs: bool, words: str) -> None:
    standing = judge(records, "a" * 64)
    assert standing.needs_deployment is needs
    assert words in standing.reason
