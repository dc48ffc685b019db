"""The temporary directory of a conversion, inside the model's directory, so that a move is a rename.

Only one conversion works in a model's directory at a time. The next one removes what a killed conversion left: the
temporary directory, and the files that it had moved, whose names it noted before. The note stays until the conversion
is recorded, so that no safetensors are locked without the version of their converter.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.file_names import INDEX
from lisa_weights.safetensors.writing import ConvertedFile

_NAME = ".lisa-converting"
_NOTE = "moving"

Record = Callable[[Sequence[ConvertedFile]], None]
"""Is called with the files that a conversion wrote, when they are in place."""


class Conversion:
    """The new files of one conversion of a model, which are put into place together or not at all.

    Args:
        directory: the model's.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._waiting: Path | None = None
        self._replaced: list[Path] = []
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        """Begin; nothing is written yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary directory, and the files that were moved if the conversion is not complete."""
        self._opened.close()

    def waiting_directory(self, directory: Path) -> Path:
        """Create the temporary directory for the files of the model's directory, or of a folder in it.

        Raises:
            WeightsError: another conversion is running there.
            OSError: the model's directory cannot be written.
        """
        if self._waiting is None:
            self._waiting = self._opened.enter_context(temporary_directory(self._directory))
        waiting = self._waiting / directory.relative_to(self._directory)
        waiting.mkdir(parents=True, exist_ok=True)
        return waiting

    def replace(self, paths: Iterable[Path]) -> None:
        """Remove older files when the new ones are moved."""
        self._replaced += paths

    def complete(self, files: Sequence[ConvertedFile], record: Record | None) -> None:
        """Remove the older files, move the new ones in their order, and record that they are there.

        Args:
            files: the new files, with names relative to the model's directory.
            record: until it returns, the next conversion undoes the moves.

        Raises:
            OSError: a file could not be removed or moved; on exit, those that were moved are removed.
        """
        assert self._waiting is not None  # noqa: S101
        # The index first, so that an interruption leaves a checkpoint that is still to be converted.
        for path in sorted(self._replaced, key=lambda path: path.name != INDEX):
            path.unlink(missing_ok=True)
        note = self._waiting / _NOTE
        note.write_text("\n".join(file.name for file in files))
        for file in files:
            (self._waiting / file.name).rename(self._directory / file.name)
        if record is not None:
            record(files)
        note.unlink()


def undo_interrupted_conversion(directory: Path) -> None:
    """Remove what a killed conversion left in a model's directory.

    Raises:
        WeightsError: another conversion is running there.
        OSError: the model's directory cannot be written.
    """
    if os.path.lexists(directory / _NAME):
        with temporary_directory(directory):
            pass


@contextmanager
def temporary_directory(directory: Path, doing: str = "converting") -> Iterator[Path]:
    """Create the temporary directory, and remove it on exit.

    Args:
        directory: the model's, or the one that a model is imported into.
        doing: what another process does there, for messages.

    Raises:
        WeightsError: another process works there.
        OSError: the model's directory cannot be written.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WeightsError(
                f"Another process is {doing} {directory.name}. Rerun the command when it is done."
            ) from error
        waiting = directory / _NAME
        _clear(waiting)
        waiting.mkdir()
        try:
            yield waiting
        finally:
            _clear(waiting)
    finally:
        os.close(descriptor)


def _clear(waiting: Path) -> None:
    if waiting.is_symlink():
        raise WeightsError(f"{_NAME} in {waiting.parent.name} is a symbolic link; remove it.")
    if not waiting.is_dir():
        return
    note = waiting / _NOTE
    if note.is_file() and not note.is_symlink():
        for name in note.read_text().splitlines():
            if _is_inside(waiting.parent, name) and not (waiting / name).exists():
                (waiting.parent / name).unlink(missing_ok=True)
    shutil.rmtree(waiting)


def _is_inside(directory: Path, name: str) -> bool:
    """Whether a path of the note is one below the model's directory, without symbolic links on its way."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        return False
    return (directory / pure).parent.resolve() == directory.resolve() / pure.parent
