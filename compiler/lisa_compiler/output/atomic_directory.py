"""Replace a directory atomically, or create one: it has the old files or the new ones, whatever interrupts the writer.

Two directories are exchanged in a single system call. Where the kernel or the file system cannot do that, the old one
is renamed aside first, and where a directory cannot be renamed at all (the lower layer of an overlay file system), its
files are replaced one by one under a marker. From what a killed run left, the next one completes the step or takes it
back.

A new directory waits in a temporary one beside it (lisa_schema.atomic_file) and is renamed when it is complete.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lisa_compiler.output.tree import files_below
from lisa_schema.atomic_file import replace_file, temporary_directory
from lisa_schema.errors import LisaError

_CANNOT_EXCHANGE = frozenset({errno.ENOSYS, errno.EINVAL, errno.EXDEV, errno.ENOTSUP, errno.EPERM})
_SUFFIXES = frozenset({".staging", ".complete", ".previous", ".replacing"})


class OutputWriteError(LisaError):
    """The output could not be written; what was there before is still there."""


@dataclass(frozen=True, slots=True)
class SwapPaths:
    """Where an environment's output is, and where it waits during a write.

    Attributes:
        target: the directory that is replaced.
        state: a directory on the same file system.
    """

    target: Path
    state: Path

    def _temporary_path(self, suffix: str) -> Path:
        return self.state / f"{self.target.name}.{suffix}"

    @property
    def staging(self) -> Path:
        """The new directory while it is being written."""
        return self._temporary_path("staging")

    @property
    def complete(self) -> Path:
        """The complete new directory; after an exchange, the old one."""
        return self._temporary_path("complete")

    @property
    def previous(self) -> Path:
        """The old directory, renamed aside."""
        return self._temporary_path("previous")

    @property
    def replacing(self) -> Path:
        """Marker: the target is being replaced file by file with what is complete."""
        return self._temporary_path("replacing")


def replace_directory(places: SwapPaths) -> None:
    """Put what is complete in the target's place."""
    if not places.target.exists():
        places.complete.rename(places.target)
    elif not _exchange(places.complete, places.target):
        try:
            places.target.rename(places.previous)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            places.replacing.touch()
            _replace_files_or_explain(places)
        else:
            try:
                places.complete.rename(places.target)
            except OSError:
                places.previous.rename(places.target)
                raise


def _exchange(first: Path, second: Path) -> bool:
    """Swap two directories in one step; False where that is not possible."""
    if not sys.platform.startswith("linux"):
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    at_working_directory, rename_exchange = -100, 2
    if not renameat2(
        at_working_directory, os.fsencode(first), at_working_directory, os.fsencode(second), rename_exchange
    ):
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(second))


def _replace_files_or_explain(places: SwapPaths) -> None:
    try:
        _replace_files(places)
    except OSError as error:
        raise OutputWriteError(
            f"{places.target} was only partly replaced: {reason_of(error)}. Fix the cause and compile again."
        ) from error


def _replace_files(places: SwapPaths) -> None:
    """Make the target hold what is complete, file by file; may be repeated from any point."""
    wanted = dict(files_below(places.complete))
    for name, path in files_below(places.target):
        if name not in wanted:
            path.unlink()
    for directory, _, _ in os.walk(places.target, topdown=False):
        with suppress(OSError):  # not empty
            Path(directory).rmdir()
    for name, path in wanted.items():
        destination = places.target / name
        for parent in reversed(destination.relative_to(places.target.parent).parents[:-1]):
            below = places.target.parent / parent
            if not below.is_dir():
                make_directory(below)
        replace_file(destination, path.read_bytes(), mode=path.stat().st_mode & 0o777)
    places.replacing.unlink()


def interrupted(state: Path) -> set[str]:
    """Name the environments whose last write left something behind."""
    return {entry.stem for entry in state.iterdir() if entry.suffix in _SUFFIXES} if state.is_dir() else set()


def recover(output: Path, state: Path) -> None:
    """Complete or take back what a killed run left, of any environment."""
    for name in sorted(interrupted(state)):
        places = SwapPaths(output / name, state)
        if places.replacing.exists() and places.complete.is_dir():
            _replace_files_or_explain(places)
        elif not places.target.exists():
            whole = places.complete if places.complete.is_dir() else places.previous
            if whole.is_dir():
                whole.rename(places.target)
        remove_temporary(places)


def remove_temporary(places: SwapPaths) -> None:
    """Remove what waits beside a target. Only a whole directory ever bears the name of a complete or previous one."""
    shutil.rmtree(places.staging, ignore_errors=True)
    for path in (places.complete, places.previous):
        if path.is_dir():
            path.rename(places.staging)
            shutil.rmtree(places.staging, ignore_errors=True)
    places.replacing.unlink(missing_ok=True)


def make_directory(path: Path) -> None:
    """Make a directory of mode 0755, whatever the umask."""
    path.mkdir()
    path.chmod(0o755)


def reason_of(error: OSError) -> str:
    """Say in words, for the middle of a sentence, what the system refused."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full"
    place = f" ({error.filename})" if error.filename else ""
    return f"{(error.strerror or str(error)).lower()}{place}"


@contextmanager
def create_directory_atomically(directory: Path, *, may_hold: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Yield a directory to fill, which takes the wanted one's place when the block ends without an error.

    A directory that is there already stays, and gets what the block made.

    Args:
        directory: the one that is wanted; its parents are made when it is.
        may_hold: names that it may hold already.

    Raises:
        LisaError: it is no directory, holds something else, or cannot be made.
    """
    _require_empty(directory, may_hold)
    place = directory.resolve()
    try:
        # Beside the place, and so on the same file system, without making parents that a failure would leave.
        beside = next(parent for parent in place.parents if parent.exists())
        with temporary_directory(beside, place.name) as temporary:
            made = temporary / place.name
            make_directory(made)
            yield made
            _move_into_place(made, place)
    except OSError as error:
        raise LisaError(f"{directory} cannot be created: {error.strerror or error}.") from error


def _require_empty(directory: Path, may_hold: frozenset[str]) -> None:
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise LisaError(f"{directory} is not a directory: name another one.")
    others = sorted({entry.name for entry in directory.iterdir()} - may_hold) if directory.exists() else []
    if others:
        but = f" but {' and '.join(sorted(may_hold))}" if may_hold else ""
        raise LisaError(f"{directory} holds {others[0]} already: name a directory that is new, or empty{but}.")


def _move_into_place(staging: Path, place: Path) -> None:
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        staging.rename(place)
        return
    moved: list[Path] = []
    try:
        for entry in sorted(staging.iterdir()):
            target = place / entry.name
            entry.rename(target)
            moved.append(target)
    except BaseException:
        for target in moved:
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        raise
