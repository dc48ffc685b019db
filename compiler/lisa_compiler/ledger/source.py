"""The commit that is deployed. Output that is not committed is refused, and commits that would undo later ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.output.manifest import sha256
from lisa_compiler.project.git import GitError, changed_files, find_commit, run_git
from lisa_compiler.project.paths import shown_path

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = 5
"""Files that an error lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is deployed.

    Attributes:
        digest: SHA-256 of the output's manifest, which has the digests of all its files.
        commit: digest of the commit of HEAD; None outside of a Git repository, as with an unpacked bundle.
        uncommitted: files of the project, from its directory, that are not as in that commit.
    """

    digest: str
    commit: str | None
    uncommitted: tuple[str, ...] = ()

    def describe(self) -> str:
        """What is deployed, in a few words."""
        if self.commit is None:
            return f"output {self.digest[:12]} (not in a Git repository)"
        return f"commit {self.commit[:12]}{', with uncommitted changes' if self.uncommitted else ''}"


def read_source(project: Path, output: Path) -> Source:
    """Read the commit and the digest of an environment's output.

    Args:
        project: directory of config.yaml.
        output: directory of the environment's output.

    Raises:
        DeployError: the output is missing.
        GitError: Git rejects a command.
    """
    manifest = output / "manifest.json"
    try:
        digest = sha256(manifest.read_bytes())
    except OSError as error:
        raise DeployError(f"{shown_path(manifest)} cannot be read: {error.strerror}. Run `lisa compile`.") from error
    if not _is_in_repository(project):
        return Source(digest=digest, commit=None)
    commit = find_commit(project, "HEAD")
    place = output.resolve().relative_to(project.resolve()).as_posix()
    # Untracked files are of interest in the output alone: projects have drafts and notes.
    changed = {*changed_files(project, ".", untracked=False), *changed_files(project, place)}
    if not run_git(project, "ls-files", "--", f"{place}/manifest.json").stdout:
        changed.add(f"{place}/manifest.json")
    return Source(digest=digest, commit=commit, uncommitted=tuple(sorted(changed)))


def require_committed(source: Source, environment: str) -> None:
    """Refuse what is not committed, and so cannot have been reviewed.

    Raises:
        DeployError: files differ from the commit.
    """
    if not source.uncommitted:
        return
    shown = "".join(f"\n  {path}" for path in source.uncommitted[:_SHOWN])
    if (more := len(source.uncommitted) - _SHOWN) > 0:
        shown += f"\n  and {more} more"
    raise DeployError(
        f"These files are not committed:{shown}\n"
        "Only reviewed output can be deployed: commit them. For a private environment, pass --allow-uncommitted; "
        f"the ledger of {environment} then shows it."
    )


def require_successor(project: Path, source: Source, deployed: str, environment: str) -> None:
    """Refuse a commit that does not contain the one that is deployed: it would undo what others have deployed.

    Args:
        project: directory of config.yaml.
        source: what is to be deployed.
        deployed: digest of the commit of the last deployment.
        environment: name of the environment, for what is said.

    Raises:
        DeployError: it is older, it has left the history of the deployed one, or that is unknown here.
    """
    if source.commit is None or source.commit == deployed:
        return
    rollback = "To deploy it all the same, pass --rollback."
    if find_commit(project, deployed) is None:
        raise DeployError(
            f"{environment} has commit {deployed[:12]}, which this clone does not have. Run `git fetch --unshallow`, "
            f"or fetch the branch that it is on; in a workflow, check out with `fetch-depth: 0`. {rollback}"
        )
    if _is_ancestor(project, deployed, source.commit):
        return
    if _is_ancestor(project, source.commit, deployed):
        raise DeployError(
            f"{source.commit[:12]} is older than commit {deployed[:12]}, which {environment} has: it would undo "
            f"{_count(project, source.commit, deployed)}. Pull, or run `lisa rollback --env {environment}`. {rollback}"
        )
    raise DeployError(
        f"{source.commit[:12]} does not contain commit {deployed[:12]}, which {environment} has: it would undo "
        f"{_count(project, source.commit, deployed)}. Merge or rebase first. {rollback}"
    )


def _is_in_repository(project: Path) -> bool:
    try:
        return run_git(project, "rev-parse", "--is-inside-work-tree", check=False).stdout.strip() == b"true"
    except GitError:
        return False


def _is_ancestor(project: Path, older: str, newer: str) -> bool:
    result = run_git(project, "merge-base", "--is-ancestor", older, newer, check=False)
    if result.returncode > 1:
        raise GitError(f"git cannot compare {older[:12]} and {newer[:12]}. Run `git fsck`.")
    return result.returncode == 0


def _count(project: Path, without: str, deployed: str) -> str:
    number = int(run_git(project, "rev-list", "--count", f"{without}..{deployed}").stdout)
    return f"{number} commit{'' if number == 1 else 's'}"
