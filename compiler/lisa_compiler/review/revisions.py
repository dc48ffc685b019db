"""Revisions: files of the project as a commit has them, or as the working tree has them now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lisa_compiler.project.git import GitError, find_commit, run_git

_DEFAULT_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""Default references to compare with; the first existing one is used."""


class Revision(Protocol):
    """One state of the project's files."""

    def read(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Return the content of those of the files, by path from the project, that there are."""


class RevisionError(GitError):
    """A revision cannot be read: no such commit, no common history."""


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The files as they are now, committed or not."""

    project: Path

    def read(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Return the content of those of the files that there are."""
        found = {}
        for path in paths:
            try:
                found[path] = (self.project / path).read_bytes()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                continue
            except OSError as error:
                raise RevisionError(f"{self.project / path} cannot be read: {error.strerror}.") from error
        return found


@dataclass(frozen=True, slots=True)
class Commit:
    """The files as a commit has them.

    Attributes:
        project: directory of config.yaml, anywhere in the repository.
        digest: the commit's whole name.
        reference: what it was asked for by: `origin/main`, `HEAD~3`.
    """

    project: Path
    digest: str
    reference: str

    @property
    def short(self) -> str:
        """The abbreviated commit id."""
        return self.digest[:10]

    def read(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Return the content of those of the files that the commit has; one git process reads them all."""
        wanted = list(paths)
        names = "".join(f"{self.digest}:./{path}\n" for path in wanted)
        answer = run_git(self.project, "cat-file", "--batch", stdin=names.encode()).stdout
        found = {}
        for path in wanted:
            # `<object> blob <bytes>` and the content, or `<name> missing`.
            line, _, answer = answer.partition(b"\n")
            if line.endswith(b" missing"):
                continue
            _, kind, size = line.rsplit(b" ", 2)
            content, answer = answer[: int(size)], answer[int(size) + 1 :]
            if kind == b"blob":
                found[path] = content
        return found


def base_of(project: Path, reference: str | None) -> Commit:
    """Find the commit that the working tree is compared with: where its history left that of a reference.

    Args:
        project: directory of config.yaml.
        reference: a branch, tag or commit; None takes the default branch, or HEAD without one.

    Raises:
        RevisionError: there is no repository, no such reference, or no history in common.
    """
    named = reference or next((name for name in _DEFAULT_BRANCHES if find_commit(project, name)), "HEAD")
    commit = find_commit(project, named)
    if commit is None:
        if reference is None:
            raise RevisionError("The repository has no commits. Run `git add --all` and `git commit` first.")
        raise RevisionError(
            f"`{named}` is not a known commit. Run `git fetch origin`, or specify another one with --base."
        )
    result = run_git(project, "merge-base", commit, "HEAD", check=False)
    if result.returncode:
        raise RevisionError(
            f"`{named}` and HEAD have no commit in common. In a shallow clone, fetch the full history with "
            "`git fetch --unshallow`; in a workflow, check out with `fetch-depth: 0`."
        )
    return Commit(project, result.stdout.decode().strip(), named)
