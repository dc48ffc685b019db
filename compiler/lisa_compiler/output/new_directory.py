"""A directory that is there when all of it is right, and not before."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lisa_schema.errors import LisaError


@contextmanager
def new_directory(directory: Path, *, may_hold: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Yield a directory to fill, which takes the wanted one's place when the block ends without an error.

    A directory that is there already stays, and gets what the block made.

    Args:
        directory: the one that is wanted; its parents are made when it is.
        may_hold: names that it may hold already.

    Raises:
        LisaError: it is no directory, holds something else, or cannot be made.
    """
    _require_free(directory, may_hold)
    place = directory.resolve()
    try:
        # Beside the place, and so on the same file system, without making parents that a failure would leave.
        beside = next(parent for parent in place.parents if parent.exists())
        staging = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=beside))
    except OSError as error:
        raise LisaError(f"{directory} cannot be made: {error.strerror}.") from error
    try:
        staging.chmod(0o755)
        yield staging
        _put(staging, place)
    except OSError as error:
        raise LisaError(f"{directory} cannot be created: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _require_free(directory: Path, may_hold: frozenset[str]) -> None:
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise LisaError(f"{directory} is not a directory: use another path.")
    others = sorted({entry.name for entry in directory.iterdir()} - may_hold) if directory.exists() else []
    if others:
        but = f" but {' and '.join(sorted(may_hold))}" if may_hold else ""
        raise LisaError(f"{directory} already contains {others[0]}: use a new or empty directory{but}.")


def _put(staging: Path, place: Path) -> None:
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
