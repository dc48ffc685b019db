"""Git of the repository that a project is in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lisa_schema.errors import LisaError


class GitError(LisaError):
    """Git cannot answer: it is not installed, there is no repository, or it rejects a command."""


def run_git(
    project: Path, *arguments: str, stdin: bytes = b"", check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of Git in a project, with messages in English.

    Raises:
        GitError: Git is not on PATH, or with `check`, the command fails.
    """
    command = ["git", "-C", str(project), "--no-pager", *arguments]
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    try:
        result = subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise GitError("Git is not on PATH, so other revisions cannot be read. Install Git.") from error
    if check and result.returncode:
        raise GitError(f"git {arguments[0]} failed: {_reason(result)}.")
    return result


def find_commit(project: Path, reference: str) -> str | None:
    """The digest of the commit that a reference names, or None.

    Raises:
        GitError: there is no repository.
    """
    if reference.startswith("-"):
        return None
    result = run_git(project, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}", check=False)
    if result.returncode > 1:
        reason = _reason(result) or "it is not a Git repository"
        raise GitError(f"git cannot read {project.resolve()}: {reason}.")
    return result.stdout.decode().strip() or None


def changed_files(project: Path, place: str | None = None, *, untracked: bool = True) -> list[str]:
    """Files that differ from HEAD, by their path from the project; that of files outside of it begins with a slash.

    Args:
        project: directory of config.yaml.
        place: path from the project of a directory whose files are listed; None for the whole repository.
        untracked: whether untracked files are listed, unless they are ignored.

    Raises:
        GitError: there is no repository.
    """
    which = f"--untracked-files={'all' if untracked else 'no'}"
    within = [] if place is None else ["--", place]
    listed = run_git(project, "status", "--porcelain=v1", "-z", "--no-renames", which, *within).stdout
    prefix = run_git(project, "rev-parse", "--show-prefix").stdout.decode().strip()
    paths = [entry[3:].decode(errors="replace") for entry in listed.split(b"\0") if entry]
    return [path.removeprefix(prefix) if path.startswith(prefix) else f"/{path}" for path in paths]


def _reason(result: subprocess.CompletedProcess[bytes]) -> str:
    return result.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
