"""Which weights the lock files of a Git repository name: those of all commits, or of the tips of branches and tags."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LOCK_FILE

_ANYWHERE = f":(top,glob)**/{LOCK_FILE}"
_PREFIX = re.compile(r'"([A-Za-z0-9_][A-Za-z0-9._/-]*/[0-9a-f]{64})"')
_ALL_BRANCHES = re.compile(r"\+?refs/(heads/)?\*:")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedWeights:
    """What lock files name.

    Attributes:
        locks: how many different lock files were read.
        models: names of all models.
        prefixes: prefixes that name content.
        without_prefix: names of models with an entry that an older LISA wrote.
        unreadable: how many lock files are not valid; their prefixes are in `prefixes`, as far as they can be found.
    """

    locks: int
    models: frozenset[str]
    prefixes: frozenset[str]
    without_prefix: frozenset[str]
    unreadable: int


def read_committed_locks(project: Path, *, tips_only: bool = False) -> ReachedWeights:
    """Read the lock files of all projects in a Git repository.

    Args:
        project: a directory in the repository.
        tips_only: of the last commit of each branch and tag; otherwise those of every commit that they reach, which a
            rollback or a running deployment may still need. Lock files in the index and in the working trees are
            always read.

    Raises:
        WeightsError: it is not a Git repository, the clone does not have all branches and commits, or git fails.
    """
    _require_complete_clone(project)
    paths, blobs = _history(project)
    if tips_only:
        blobs = set(_blobs(project, [f"{tip}:{path}" for tip in _tips(project) for path in sorted(paths)]))
    blobs |= {line.split()[1] for line in _git(project, "ls-files", "-s", "-z", "--", _ANYWHERE).split("\0") if line}
    contents = {*_contents(project, blobs), *_working_trees(project)}
    return _reached(contents)


def _require_complete_clone(project: Path) -> None:
    if _git(project, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise WeightsError(
            "This is a shallow clone, which does not have the lock files of all commits: run `git fetch --unshallow`; "
            "in a workflow, check out with `fetch-depth: 0`."
        )
    fetched = _git(project, "config", "--get-regexp", r"^remote\..*\.fetch$", check=False).splitlines()
    by_remote: dict[str, list[str]] = {}
    for line in fetched:
        key, _, refspec = line.partition(" ")
        by_remote.setdefault(key.removeprefix("remote.").removesuffix(".fetch"), []).append(refspec)
    for remote, refspecs in by_remote.items():
        if not any(_ALL_BRANCHES.match(refspec) for refspec in refspecs):
            raise WeightsError(
                f"This clone does not have all branches of {remote}: run `git remote set-branches {remote} '*'` and "
                f"`git fetch --tags {remote}`."
            )


def _history(project: Path) -> tuple[set[str], set[str]]:
    """Paths of the lock files that any commit has, and the ids of their contents."""
    arguments = ("--all", "--full-history", "-m", "--raw", "-z", "--no-renames", "--no-abbrev", "--format=")
    fields = iter(_git(project, "log", *arguments, "--", _ANYWHERE).split("\0"))
    paths, blobs = set(), set()
    for field in fields:
        if field.lstrip("\n").startswith(":"):
            blobs.add(field.split()[3])
            paths.add(next(fields))
    return paths, {blob for blob in blobs if set(blob) != {"0"}}


def _tips(project: Path) -> list[str]:
    refs = _git(project, "for-each-ref", "--format=%(objectname)").split()
    worktrees = re.findall(r"^HEAD ([0-9a-f]+)$", _git(project, "worktree", "list", "--porcelain"), re.MULTILINE)
    return sorted({*refs, *worktrees})


def _blobs(project: Path, names: Iterable[str]) -> Iterator[str]:
    """Ids of the contents that `<commit>:<path>` names, where there is one."""
    checked = _git(project, "cat-file", "--batch-check=%(objecttype) %(objectname)", stdin="\n".join(names))
    for line in checked.splitlines():
        if line.startswith("blob "):
            yield line.split()[1]


def _contents(project: Path, blobs: Iterable[str]) -> Iterator[bytes]:
    for blob in sorted(blobs):
        content = _run(project, "cat-file", "blob", blob)
        if content.returncode:
            raise WeightsError(
                f"This clone does not have the content of a lock file ({blob[:12]}): run `git fetch --refetch`, or use "
                "a clone without a filter."
            )
        yield content.stdout


def _working_trees(project: Path) -> Iterator[bytes]:
    inside = _git(project, "rev-parse", "--show-prefix").rstrip("\n")
    listed = re.findall(r"^worktree (.*)$", _git(project, "worktree", "list", "--porcelain"), re.MULTILINE)
    for directory in {str(project), *(str(Path(tree, inside)) for tree in listed)}:
        try:
            yield Path(directory, LOCK_FILE).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise WeightsError(f"{directory}/{LOCK_FILE} cannot be read: {error.strerror}.") from error


def _reached(contents: Iterable[bytes]) -> ReachedWeights:
    models: set[str] = set()
    prefixes: set[str] = set()
    without_prefix: set[str] = set()
    locks = unreadable = 0
    for content in contents:
        locks += 1
        prefixes.update(_PREFIX.findall(content.decode(errors="replace")))
        try:
            entries = json.loads(content)["models"]
            models.update(map(str, entries))
            without_prefix.update(name for name, entry in entries.items() if entry.get("prefix") is None)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            unreadable += 1
    return ReachedWeights(
        locks=locks,
        models=frozenset(models | {prefix.rpartition("/")[0] for prefix in prefixes}),
        prefixes=frozenset(prefixes),
        without_prefix=frozenset(without_prefix),
        unreadable=unreadable,
    )


def _git(project: Path, *arguments: str, stdin: str = "", check: bool = True) -> str:
    result = _run(project, *arguments, stdin=stdin.encode())
    if check and result.returncode:
        words = result.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise WeightsError(
            f"Git cannot read the history of {project} ({words}): run the command in a clone of the Git repository."
        )
    return result.stdout.decode(errors="surrogateescape")


def _run(project: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    command = ["git", "-C", str(project), "--no-pager", *arguments]
    try:
        return subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise WeightsError("Git is not on PATH, so the committed lock files cannot be read: install Git.") from error
