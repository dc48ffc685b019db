"""The temporary directory of a conversion, inside the model's directory, so that a move is a rename.

Only one conversion works in a model's directory at a time. The next one removes what a killed conversion left: the
temporary directory, and the files that it had begun to move, whose names it recorded before.
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
def temporary_directory(directory: Path) -> Iterator[Path]:
    """Create the temporary directory, and remove it on exit.

    Raises:
        WeightsError: another conversion is running there.
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


def move_into_place(waiting: Path, names: Sequence[str]) -> None:
    """Move files from the temporary directory to the model's, in their order; the next conversion undoes a part.

    Raises:
        OSError: a file could not be moved.
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
