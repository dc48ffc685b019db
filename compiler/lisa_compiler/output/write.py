"""Write an environment's output: whole or not at all, whatever happens in between.

The new directory is written and synced under `<output>/.lisa/`, then replaces the old one (output.atomic_directory).
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from lisa_compiler.output.atomic_directory import (
    OutputWriteError,
    SwapPaths,
    interrupted,
    make_directory,
    reason_of,
    recover,
    remove_temporary,
    replace_directory,
)
from lisa_compiler.output.tree import MANIFEST, STATE_DIRECTORY, is_executable, matches, matches_exactly
from lisa_schema.atomic_file import replace_file

_LOCK_WAIT = 5.0
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def state_directory(output: Path) -> Path:
    """Make the directory inside the output that holds the lock and the cache, and have git ignore it."""
    state = output / STATE_DIRECTORY
    state.mkdir(parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        replace_file(ignore, b"*\n", mode=0o644)
    return state


def write_environment(output: Path, environment: str, files: Mapping[str, bytes]) -> None:
    """Make `<output>/<environment>` hold exactly these files.

    A file that begins with `#!` gets mode 0755, others 0644, directories 0755, whatever the umask. A directory that
    holds the files already is left untouched.

    Args:
        output: directory of all environments' output; it is made when it does not exist.
        environment: name of the environment, and of the directory inside the output.
        files: content by path relative to the environment's directory; manifest.json must be among them.

    Raises:
        OutputError: the directory is not LISA's to replace, another compile writes, or the system refuses.
    """
    if not _ENVIRONMENT.fullmatch(environment):
        raise OutputWriteError(
            f"“{environment}” cannot be the name of a directory in {output}: rename the environment."
        )
    _require_inside(files)
    if MANIFEST not in files:
        raise OutputWriteError(
            f"The output of {environment} has no {MANIFEST}; without it no later run could replace it."
        )
    target = output / environment
    try:
        _require_own(target)
        if not interrupted(output / STATE_DIRECTORY) and matches_exactly(target, files):
            return
        with output_lock(output) as state:
            recover(output, state)
            if not matches_exactly(target, files):
                _replace(SwapPaths(target, state), files)
    except OSError as error:
        raise OutputWriteError(f"{target} could not be written and is unchanged: {reason_of(error)}.") from error


@contextmanager
def output_lock(output: Path) -> Iterator[Path]:
    """Hold the right to write to an output directory, and yield its state directory.

    Raises:
        OutputError: another process still holds it after some seconds.
    """
    state = state_directory(output)
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + _LOCK_WAIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise OutputWriteError(
                        f"Another compile is writing to {output}: wait until it ends, then rerun the command."
                    ) from None
                time.sleep(0.05)
        yield state
    finally:
        os.close(descriptor)


def _require_inside(files: Mapping[str, bytes]) -> None:
    for name in files:
        path = PurePosixPath(name)
        plain = str(path) == name and name != "." and not path.is_absolute() and ".." not in path.parts
        if not plain or "\\" in name or "\0" in name:
            raise OutputWriteError(f"“{name}” is not a path inside the environment's directory; nothing was written.")
    for name in files:
        if any(str(parent) in files for parent in PurePosixPath(name).parents):
            raise OutputWriteError(f"“{name}” is below a path that is a file; nothing was written.")


def _require_own(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise OutputWriteError(f"{target} was not created by LISA: move it, or use another --output.")
    if target.is_dir() and not (target / MANIFEST).is_file() and any(target.iterdir()):
        raise OutputWriteError(
            f"{target} has files but no {MANIFEST}, so it was not created by LISA and is not replaced: "
            "move it, or use another --output."
        )


def _replace(places: SwapPaths, files: Mapping[str, bytes]) -> None:
    try:
        _write_tree(places.staging, files, places.target)
        places.staging.rename(places.complete)
    except BaseException:
        shutil.rmtree(places.staging, ignore_errors=True)
        raise
    replace_directory(places)
    _sync_directory(places.target.parent)
    remove_temporary(places)


def _write_tree(directory: Path, files: Mapping[str, bytes], present: Path) -> None:
    """Write files to a new directory; link those that the present one has too, which saves a write and a sync."""
    made = {directory}
    make_directory(directory)
    for name in sorted(files):
        path = directory / name
        for parent in reversed(path.relative_to(directory).parents):
            if (below := directory / parent) not in made:
                make_directory(below)
                made.add(below)
        if not _link(present / name, path, files[name]):
            _write_file(path, files[name])
    for path in made:
        _sync_directory(path)


def _link(present: Path, path: Path, content: bytes) -> bool:
    """Link a file that has the content and the mode already; False where there is none, or the file system cannot.

    A file with another link is not LISA's alone: whoever has the link may change it in place.
    """
    try:
        # Linked first and compared then, so that what was compared is what the link is to.
        path.hardlink_to(present)
        status = path.lstat()
        if status.st_nlink == 2 and stat.S_IMODE(status.st_mode) == _mode(content) and matches(path, content):
            return True
    except OSError:
        pass
    path.unlink(missing_ok=True)
    return False


def _write_file(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), _mode(content))
        os.fsync(file.fileno())


def _mode(content: bytes) -> int:
    return 0o755 if is_executable(content) else 0o644


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot sync a directory; the rename is atomic all the same
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
