"""Commit compiled output, and nothing else: `lisa ci compile` for bots, and the end of a merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.project.git import GitError, changed_files, find_commit, run_git
from lisa_compiler.project.paths import OUTPUT
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SHOWN = 5
_IDENTITY = ("-c", "user.name=lisa", "-c", "user.email=lisa@localhost")
"""Author of a commit where Git knows none, as in pipelines."""


class CommitError(LisaError):
    """Compiled output cannot be committed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from HEAD, by path from the project.

    Attributes:
        output: files of the compiled output.
        others: all other files that are not ignored.
    """

    output: tuple[str, ...]
    others: tuple[str, ...]


def read_changes(project: Path) -> Changes:
    """List what differs from HEAD.

    Raises:
        GitError: there is no repository.
    """
    changed = changed_files(project)
    output = tuple(path for path in changed if path.startswith(f"{OUTPUT}/"))
    return Changes(output, tuple(path for path in changed if path not in output))


def commit_output(project: Path, compile_all: Callable[[], None], message: str) -> str | None:
    """Compile, and commit what has changed in the output.

    Args:
        project: directory of config.yaml.
        compile_all: compiles all environments; raises when it fails.
        message: of the commit.

    Returns:
        Digest of the new commit; None when the output was up to date, and nothing was committed.

    Raises:
        CommitError: other files differ from HEAD, before or after.
        GitError: Git rejects a command.
    """
    if find_commit(project, "HEAD") is None:
        raise CommitError("The repository has no commits. Run `git add --all` and `git commit` first.")
    _require_clean(read_changes(project), "are not committed, and would be compiled into the output")
    compile_all()
    changes = read_changes(project)
    _require_clean(changes, "were changed by the compile; commit them yourself")
    if not changes.output:
        return None
    run_git(project, "add", "--all", "--", OUTPUT)
    run_git(project, *identity(project), "commit", "--quiet", "--no-verify", f"--message={message}", "--", OUTPUT)
    made = find_commit(project, "HEAD")
    _require_clean(read_changes(project), "changed meanwhile")
    return made


def start_branch(project: Path, branch: str) -> None:
    """Create a branch at HEAD, and check it out.

    Raises:
        CommitError: there is one of this name, or the name is not valid.
    """
    if run_git(project, "check-ref-format", "--branch", branch, check=False).returncode:
        raise CommitError(f"`{branch}` is not a valid name of a branch.")
    if find_commit(project, f"refs/heads/{branch}") is not None:
        raise CommitError(f"There is a branch {branch} already. Delete it, or name another one.")
    run_git(project, "checkout", "--quiet", "-b", branch)


def commit_files(project: Path, message: str) -> str | None:
    """Commit all that differs in the project; the new commit, or None when nothing does.

    Raises:
        GitError: Git rejects a command.
    """
    run_git(project, "add", "--all", "--", ".")
    if not run_git(project, "diff", "--cached", "--quiet", "HEAD", "--", ".", check=False).returncode:
        return None
    run_git(project, *identity(project), "commit", "--quiet", "--no-verify", f"--message={message}", "--", ".")
    return find_commit(project, "HEAD")


def push_commit(project: Path, remote: str, branch: str) -> None:
    """Push HEAD to a branch, without force.

    Raises:
        CommitError: the branch has other commits by now, or the remote refuses.
    """
    if find_commit(project, "HEAD") is None or branch.startswith(("-", "+")) or ":" in branch:
        raise CommitError(f"`{branch}` is not a branch.")
    pushed = run_git(project, "push", "--quiet", remote, f"HEAD:refs/heads/{branch}", check=False)
    if pushed.returncode:
        reason = pushed.stderr.decode(errors="replace").strip()
        raise CommitError(
            f"The commit could not be pushed to {branch}: {reason}\n"
            "If the branch has new commits, run the pipeline again for the newest one."
        )


def identity(project: Path) -> tuple[str, ...]:
    """Options of Git that name an author where the configuration has none."""
    known = run_git(project, "config", "user.email", check=False).returncode == 0
    return () if known else _IDENTITY


def current_branch(project: Path) -> str | None:
    """Name of the branch of HEAD; None for a detached one.

    Raises:
        GitError: there is no repository.
    """
    found = run_git(project, "symbolic-ref", "--quiet", "--short", "HEAD", check=False)
    if found.returncode > 1:
        raise GitError(f"git cannot read {project.resolve()}.")
    return found.stdout.decode().strip() or None


def _require_clean(changes: Changes, why: str) -> None:
    if changes.others:
        shown = "".join(f"\n  {path}" for path in changes.others[:_SHOWN])
        if (more := len(changes.others) - _SHOWN) > 0:
            shown += f"\n  and {more} more"
        raise CommitError(f"These files {why}:{shown}\nNothing was committed.")
