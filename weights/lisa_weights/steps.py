"""Long steps whose progress a program can show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from lisa_weights.convert import MAX_SHARD_SIZE, Converted, convert
from lisa_weights.model_directory import ModelDirectory
from lisa_weights.temporary_directory import Record

Step = Callable[[str, int], AbstractContextManager[Callable[[str, int], None]]]
"""Begins a step with its title and total bytes; yields what receives a file and the bytes done since the last call."""


@contextmanager
def no_progress(_title: str, _total_bytes: int) -> Iterator[Callable[[str, int], None]]:
    """A step without progress output."""
    yield lambda _file, _bytes: None


def convert_in_step(
    directory: ModelDirectory,
    title: str,
    step: Step,
    *,
    max_shard_size: int = MAX_SHARD_SIZE,
    verify: bool = True,
    checksums: bool = False,
    replacing: tuple[str, ...] = (),
    record: Record | None = None,
) -> Converted:
    """Convert a model's directory as lisa_weights.convert does, as one step.

    Raises:
        WeightsError: the checkpoint is rejected, or the disk refuses; the directory is unchanged.
    """
    told = 0
    followed = "verify" if verify else "convert"
    with step(title, _bytes(directory.path, directory.checkpoint)) as progress:

        def tell(what: str, done: int, _total: int) -> None:
            nonlocal told
            if what == followed:
                progress("", done - told)
                told = done

        return convert(
            directory.path,
            max_shard_size=max_shard_size,
            verify=verify,
            checksums=checksums,
            replacing=replacing,
            progress=tell,
            record=record,
        )


def _bytes(directory: Path, names: tuple[str, ...]) -> int:
    return sum((directory / name).stat().st_size for name in names)
