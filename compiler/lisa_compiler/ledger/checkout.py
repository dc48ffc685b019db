"""A commit of the project in a directory of its own, as `lisa rollback` deploys it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.ledger.records import Record, Result
from lisa_compiler.project.git import find_commit, run_git

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def find_target(records: Sequence[Record], commit: str | None, environment: str) -> Record:
    """Find the deployment to go back to.

    Args:
        records: records of the ledger, the newest first.
        commit: digest of a commit, or its beginning; None takes the last deployment of all stacks that succeeded and is
            not what the newest record has deployed.
        environment: name of the environment, for what is said.

    Raises:
        DeployError: there is none.
    """
    good = [
        record
        for record in records
        if record.command != "destroy"
        and record.result is Result.SUCCEEDED
        and record.whole
        and record.commit
        and not record.uncommitted
    ]
    if commit is not None:
        found = next((record for record in good if record.commit.startswith(commit)), None)
        if found is None:
            raise DeployError(
                f"No deployment of commit {commit} has succeeded: see `lisa status --env {environment} --limit 100`."
            )
        return found
    now = next((record for record in records if record.command != "destroy"), None)
    if now is not None and now.result is Result.SUCCEEDED:
        # Older than the first deployment of what is there: after a rollback, that which was rolled back is no target.
        first = min(record.identity for record in records if record.digest == now.digest)
        good = [record for record in good if record.identity < first]
    if not good:
        raise DeployError(
            f"The ledger of {environment} has no earlier deployment of all stacks that succeeded and was of a commit."
        )
    return good[0]


@contextmanager
def checked_out(project: Path, commit: str) -> Iterator[Path]:
    """Check a commit out into a directory of its own; yields the project there.

    Args:
        project: directory of config.yaml.
        commit: digest of the commit.

    Raises:
        DeployError: the clone does not have the commit.
        GitError: Git rejects a command.
    """
    if find_commit(project, commit) is None:
        raise DeployError(
            f"This clone does not have commit {commit[:12]}. Run `git fetch --unshallow`, or fetch the branch with it."
        )
    prefix = run_git(project, "rev-parse", "--show-prefix").stdout.decode().strip()
    with tempfile.TemporaryDirectory(prefix="lisa-rollback-") as folder:
        place = Path(folder).resolve() / "commit"
        run_git(project, "worktree", "add", "--quiet", "--detach", str(place), commit)
        try:
            yield place / prefix
        finally:
            run_git(project, "worktree", "remove", "--force", str(place), check=False)
