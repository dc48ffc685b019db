"""Convert the PyTorch checkpoint of a model's directory to safetensors, at the speed of a copy.

Structure is read first and checked whole; only then bytes move, from file to file. The new files wait in a directory
of their own and take their places when all of them are right, the index last.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lisa_weights.checkpoint import Checkpoint, open_checkpoint
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors_file import Layout, lay_out, read_file
from lisa_weights.serving_files import INDEX
from lisa_weights.shards import check_index, shard_names, split
from lisa_weights.sources import Sources, find_sources
from lisa_weights.staging import publish, staging
from lisa_weights.tensors import TensorInfo
from lisa_weights.ties import Part, untie
from lisa_weights.verification import Progress
from lisa_weights.writing import ConvertedFile, write_files

MAX_SHARD_SIZE = 2_000_000_000
"""Bytes of tensors in one file at most, unless a single tensor is larger."""

MAX_TENSORS = 16_000
"""Tensors of a checkpoint at most, in all of its files; the largest models in PyTorch's format have some thousands."""

_MAX_NAMES = 150_000
"""Tensors of safetensors at most, one of a long name counting as more; a model of a trillion parameters has 140 000."""

_LONG_NAME = 64
_MAX_EXPANSION = 100
_ALWAYS_ALLOWED = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What a model's directory holds after a conversion.

    Attributes:
        directory: the model's.
        files: its safetensors in their order, then the index if there is one.
        tensors: of all files, in the order of their headers.
        tied: names that were not written, each with the tensor that it is the same as.
        skipped: entries of the checkpoint that are no tensors and were left out.
        written: whether there was something to convert; False where it was safetensors before.
    """

    directory: Path
    files: tuple[ConvertedFile, ...]
    tensors: tuple[TensorInfo, ...]
    tied: Mapping[str, str]
    skipped: tuple[str, ...]
    written: bool


def convert(
    model_dir: Path,
    *,
    max_shard_size: int = MAX_SHARD_SIZE,
    verify: bool = True,
    checksums: bool = False,
    replacing: Collection[str] = (),
    progress: Progress | None = None,
) -> Converted:
    """Make safetensors of a model's PyTorch checkpoint; the checkpoint stays as it is.

    Args:
        model_dir: the model's directory, in Hugging Face format.
        max_shard_size: bytes of tensors in one file at most.
        verify: compare every tensor that was written with its source, and compute the files' digests.
        checksums: with `verify`, check each storage of a zip checkpoint against the CRC-32 that it carries too, which
            takes half as long again. The structure and what is compressed are checked in any case.
        replacing: names of safetensors, and of their index, that an earlier conversion made of another checkpoint;
            they are passed over, and go when the new ones are whole.
        progress: called with the step ("convert", "verify"), the bytes done and the bytes of all, by one thread
            at a time.

    Raises:
        WeightsError: nothing to convert, a checkpoint that is refused, a damaged file, a full or read-only disk.
            The directory is then as it was.
    """
    if max_shard_size < 1:
        raise WeightsError("The largest size of a shard must be at least one byte; give for example 2GB.")
    sources = find_sources(model_dir, passing_over=replacing)
    if sources.is_safetensors:
        return _check(model_dir, sources)
    with _explained(model_dir), staging(model_dir) as waiting, ExitStack() as opened:
        checkpoints = []
        for name in sources.files:
            checkpoints.append(opened.enter_context(open_checkpoint(model_dir / name, waiting)))
            _check_count(model_dir, checkpoints)
        if sources.index:
            held = {checkpoint.path.name: checkpoint.tensors for checkpoint in checkpoints}
            check_index(sources.index, sources.weight_map, held)
        parts, tied = _parts(checkpoints)
        layouts = _layouts(parts, tied, max_shard_size)
        _check_space(model_dir, sources, layouts)
        files = write_files(waiting, layouts, parts, verify=verify, checksums=checksums, progress=progress)
        _remove(model_dir, replacing)
        publish(waiting, [file.name for file in files])
    tensors = tuple(tensor for layout in layouts.values() for tensor, _ in layout.places)
    skipped = tuple(dict.fromkeys(name for checkpoint in checkpoints for name in checkpoint.skipped))
    return Converted(directory=model_dir, files=files, tensors=tensors, tied=tied, skipped=skipped, written=True)


def _check(model_dir: Path, sources: Sources) -> Converted:
    found: dict[str, tuple[TensorInfo, ...]] = {}
    room = _MAX_NAMES
    for name in sources.files:
        found[name] = read_file(model_dir / name).tensors
        room -= sum(1 + len(tensor.name) // _LONG_NAME for tensor in found[name])
        if room < 0:
            raise WeightsError(f"{model_dir.name} has more than {_MAX_NAMES} tensors, which no model has.")
    held = {name: [tensor.name for tensor in tensors] for name, tensors in found.items()}
    seen: set[str] = set()
    for name, tensors in held.items():
        if not seen.isdisjoint(tensors):
            raise WeightsError(f"{name} holds a tensor that another file holds too; download the model again.")
        seen.update(tensors)
    if sources.index:
        check_index(sources.index, sources.weight_map, held)
    names = (*sources.files, *((sources.index,) if sources.index else ()))
    return Converted(
        directory=model_dir,
        files=tuple(ConvertedFile(name, (model_dir / name).stat().st_size, None) for name in names),
        tensors=tuple(tensor for tensors in found.values() for tensor in tensors),
        tied={},
        skipped=(),
        written=False,
    )


def _check_count(model_dir: Path, checkpoints: Sequence[Checkpoint]) -> None:
    count = sum(max(len(each.tensors) + len(each.skipped), len(each.places)) for each in checkpoints)
    if count > MAX_TENSORS:
        raise WeightsError(
            f"{model_dir.name} has more than {MAX_TENSORS} tensors or other entries, which no model has in this format;"
            " save its state_dict() alone."
        )


def _parts(checkpoints: Sequence[Checkpoint]) -> tuple[Mapping[str, Part], Mapping[str, str]]:
    parts: dict[str, Part] = {}
    tied: dict[str, str] = {}
    for checkpoint in checkpoints:
        own, own_tied = untie(checkpoint)
        for name in checkpoint.tensors:
            if name in parts or name in tied:
                raise WeightsError(f"Tensor {name!r} is in two files of the checkpoint; download the model again.")
        parts.update({part.info.name: part for part in own})
        tied.update(own_tied)
    return parts, tied


def _layouts(parts: Mapping[str, Part], tied: Mapping[str, str], max_shard_size: int) -> Mapping[str, Layout]:
    shards = split((part.info for part in parts.values()), max_shard_size)
    layouts = {}
    for name, shard in zip(shard_names(len(shards)), shards, strict=True):
        held = {tensor.name for tensor in shard}
        aliases = {other: kept for other, kept in tied.items() if kept in held and other != "format"}
        layouts[name] = lay_out(shard, {**aliases, "format": "pt"})
    return layouts


def _check_space(model_dir: Path, sources: Sources, layouts: Mapping[str, Layout]) -> None:
    needed = sum(layout.size for layout in layouts.values())
    given = sum((model_dir / name).stat().st_size for name in sources.files)
    if needed > _ALWAYS_ALLOWED + _MAX_EXPANSION * given:
        raise WeightsError(
            f"The checkpoint in {model_dir.name} has {given} bytes and would become {needed}, which weights never do;"
            " download it again."
        )
    free = shutil.disk_usage(model_dir).free
    if needed > free:
        raise WeightsError(
            f"The disk is too full to convert {model_dir.name}: it takes {needed} bytes and {free} are free; make room."
        )


def _remove(model_dir: Path, names: Collection[str]) -> None:
    """Remove files, the index first, so that an interruption leaves a checkpoint that is still to be converted."""
    for name in sorted(names, key=lambda name: name != INDEX):
        (model_dir / name).unlink(missing_ok=True)


_REASONS = {
    errno.ENOSPC: "the disk is full; make room and run it again",
    errno.EDQUOT: "the disk quota is used up; make room and run it again",
    errno.EACCES: "the permission is missing; make the directory readable and writable for you",
    errno.EPERM: "the permission is missing; make the directory readable and writable for you",
    errno.EROFS: "the file system is read-only; put the model where you can write",
}


@contextmanager
def _explained(model_dir: Path) -> Iterator[None]:
    """Turn what the system refuses into a sentence."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}; check the disk and run it again")
        raise WeightsError(f"{model_dir.name} was not converted: {reason}.") from error
