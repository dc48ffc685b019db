"""Where new files wait until all of them are whole: a directory inside the model's, so that a move is a rename.

Only one conversion works in a model's directory at a time. What a killed one left is cleared away by the next: the
waiting directory, and the files that it had begun to move, which it noted before.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lisa_weights.errors import WeightsError

_NAME = ".lisa-converting"
_NOTE = "moving"


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """Give a waiting directory in the model's, and remove it in the end.

    Raises:
        WeightsError: another conversion works there.
        OSError: the model's directory cannot be written.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WeightsError(f"Another process is converting {directory.name}; wait until it is done.") from error
        waiting = directory / _NAME
        _clear(waiting)
        waiting.mkdir()
        try:
            yield waiting
        finally:
            _clear(waiting)
    finally:
        os.close(descriptor)


def publish(waiting: Path, names: Sequence[str]) -> None:
    """Move files from the waiting directory to the model's, in their order; all or none.

    Raises:
        OSError: one could not be moved; those before were taken back.
    """
    note = waiting / _NOTE
    note.write_text("\n".join(names))
    for name in names:
        (waiting / name).rename(waiting.parent / name)
    note.unlink()


def _clear(waiting: Path) -> None:
    if waiting.is_symlink():
        raise WeightsError(f"{_NAME} in {waiting.parent.name} is a symbolic link; remove it.")
    if not waiting.is_dir():
        return
    note = waiting / _NOTE
    if note.is_file() and not note.is_symlink():
        for name in note.read_text().splitlines():
            if name == Path(name).name and not (waiting / name).exists():
                (waiting.parent / name).unlink(missing_ok=True)
    shutil.rmtree(waiting)
