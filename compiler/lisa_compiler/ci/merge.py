"""Git's merges of compiled output: keep one side, and compile when the sources are merged.

Git calls a merge driver for one file after the other, and for some before config.yaml is merged; files that only one
branch has changed never reach it. So no driver can write the right content of a file. This one keeps our side and
leaves a mark; what finishes the merge compiles the merged sources, and adds the result to the merge.
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lisa_compiler.ci.compiled_commit import read_changes
from lisa_compiler.project.git import GitError, find_commit, run_git
from lisa_compiler.project.paths import OUTPUT
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ATTRIBUTES: Final = f"{OUTPUT}/** merge=lisa"
"""Line of .gitattributes that gives compiled files to the driver."""

_MARK = "lisa-merge"
_HOOK = """\
#!/bin/sh
# Written by `lisa merge-driver --install`: compiles merged sources, and adds the output to the merge.
exec {command} --finish
"""


class MergeError(LisaError):
    """A merge cannot be finished; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a merge was finished.

    Attributes:
        changed: files of the output that the compile has changed in it.
        committed: whether they are in the merge's commit; otherwise they are staged for it.
    """

    changed: int
    committed: bool


def keep_ours(project: Path, path: str) -> bool:
    """Leave our side of a file as the result, and a mark that the output has to be compiled; whether it is the first.

    Args:
        project: a directory of the repository.
        path: the file, from the root of the repository.

    Raises:
        MergeError: the mark cannot be written.
    """
    mark = _mark(project)
    try:
        head = find_commit(project, "HEAD") or ""
        is_first = not _is_of(mark, head)
        if is_first:
            mark.write_text(f"{head}\n", encoding="utf-8")
        with mark.open("a", encoding="utf-8") as file:
            file.write(f"{path}\n")
    except OSError as error:
        raise MergeError(f"{mark} cannot be written: {error.strerror}.") from error
    return is_first


def finish(project: Path, compile_all: Callable[[], None]) -> Finished | None:
    """Compile the merged sources, and add the output to the merge.

    A merge that is in progress is left for `git commit`; one that is committed is amended.

    Args:
        project: directory of config.yaml.
        compile_all: compiles all environments; raises when it fails.

    Returns:
        What was done; None when no merge is to be finished.

    Raises:
        MergeError: sources have conflicts, or files differ that are not of the merge.
        GitError: Git rejects a command.
    """
    mark = _mark(project)
    parents = run_git(project, "rev-list", "--parents", "--max-count=1", "HEAD").stdout.decode().split()[1:]
    merged = find_commit(project, "MERGE_HEAD")
    # Git calls the hook when the merge is committed, and forgets what was merged afterwards.
    in_progress = merged is not None and merged not in parents
    if not in_progress and (not mark.exists() or _is_of(mark, find_commit(project, "HEAD") or "")):
        # No merge, or one that was aborted: HEAD is where it began.
        mark.unlink(missing_ok=True)
        return None
    if unmerged := [path for path in _unmerged(project) if not _is_output(project, path)]:
        listed = "".join(f"\n  {path}" for path in unmerged)
        raise MergeError(
            f"These files have conflicts:{listed}\nResolve them and `git add` them, then run `lisa merge-driver "
            "--finish` and `git commit`."
        )
    if not in_progress:
        if others := [path for path in read_changes(project).others if not _is_untracked(project, path)]:
            raise MergeError(f"{', '.join(others[:5])} differ from the merge's commit. Commit or stash them first.")
        if len(parents) < 2:
            # A rebase or a cherry-pick: its commits are not this command's to change. It is reported once.
            mark.unlink(missing_ok=True)
            raise MergeError(
                "HEAD is not a merge. Run `lisa compile --all`, and commit generated/ with the commit that changed it."
            )
    compile_all()
    run_git(project, "add", "--all", "--", OUTPUT)
    staged = run_git(project, "diff", "--cached", "--name-only", "-z", "HEAD", "--", OUTPUT).stdout
    changed = len([name for name in staged.split(b"\0") if name])
    if not in_progress and changed:
        _amend(project, parents)
    mark.unlink(missing_ok=True)
    return Finished(changed, committed=not in_progress)


def _amend(project: Path, parents: Sequence[str]) -> None:
    """Put what is staged into the merge's commit; `git commit --amend` refuses while the hook runs."""
    head, name, email, message = run_git(project, "log", "-1", "--format=%H%x00%an%x00%ae%x00%B").stdout.split(b"\0", 3)
    tree = run_git(project, "write-tree").stdout.decode().strip()
    author = ("-c", f"user.name={name.decode()}", "-c", f"user.email={email.decode()}")
    signed = run_git(project, "config", "--type=bool", "commit.gpgSign", check=False).stdout.strip() == b"true"
    options = [*(["-S"] if signed else []), *(f"-p{parent}" for parent in parents), "-F", "-"]
    made = run_git(project, *author, "commit-tree", tree, *options, stdin=message).stdout.decode().strip()
    # Refused by Git if HEAD has moved meanwhile.
    run_git(project, "update-ref", "-m", "merge: compiled output", "HEAD", made, head.decode())


def install(project: Path) -> Path:
    """Configure the driver in this clone, and the hook that finishes merges; returns the hook.

    Raises:
        MergeError: another hook is there.
        GitError: there is no repository.
    """
    # Git calls both in the root of the repository.
    prefix = run_git(project, "rev-parse", "--show-prefix").stdout.decode().strip()
    command = f"{shlex.quote(shutil.which('lisa') or 'lisa')} merge-driver"
    command += f" --project {shlex.quote(prefix)}" if prefix else ""
    run_git(project, "config", "merge.lisa.name", "keep our side; lisa compiles after the merge")
    run_git(project, "config", "merge.lisa.driver", f"{command.replace('%', '%%')} %O %A %B %P")
    hook = Path(_git_path(project, "hooks")) / "post-merge"
    content = _HOOK.format(command=command)
    try:
        if hook.exists() and "lisa merge-driver --install" not in hook.read_text(encoding="utf-8", errors="replace"):
            raise MergeError(f"{hook} exists. Add this line to it: {content.splitlines()[-1].removeprefix('exec ')}")
        hook.parent.mkdir(parents=True, exist_ok=True)
        hook.write_text(content, encoding="utf-8")
        hook.chmod(0o755)
    except OSError as error:
        raise MergeError(f"{hook} cannot be written: {error.strerror}.") from error
    return hook


def is_driven(project: Path) -> bool:
    """Whether .gitattributes gives compiled files to the driver."""
    asked = run_git(project, "check-attr", "merge", "--", f"{OUTPUT}/x/manifest.json", check=False)
    return asked.stdout.decode(errors="replace").strip().endswith(": merge: lisa")


def _mark(project: Path) -> Path:
    return Path(_git_path(project, _MARK))


def _is_of(mark: Path, head: str) -> bool:
    """Whether a mark was left by a merge that began at this commit."""
    try:
        return mark.read_text(encoding="utf-8").partition("\n")[0] == head
    except OSError:
        return False


def _git_path(project: Path, name: str) -> str:
    found = run_git(project, "rev-parse", "--git-path", name).stdout.decode().strip()
    if not found:
        raise GitError(f"{project.resolve()} is not in a Git repository.")
    return os.path.normpath(project / found)


def _unmerged(project: Path) -> list[str]:
    """Files with conflicts, by path from the root of the repository."""
    listed = run_git(project, "diff", "--name-only", "--diff-filter=U", "-z").stdout
    return [name.decode(errors="replace") for name in listed.split(b"\0") if name]


def _is_output(project: Path, path: str) -> bool:
    prefix = run_git(project, "rev-parse", "--show-prefix").stdout.decode().strip()
    return path.startswith(f"{prefix}{OUTPUT}/")


def _is_untracked(project: Path, path: str) -> bool:
    place = path if not path.startswith("/") else f":/{path[1:]}"
    return run_git(project, "ls-files", "--error-unmatch", "--", place, check=False).returncode != 0
