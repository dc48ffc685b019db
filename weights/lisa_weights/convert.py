"""Convert the PyTorch checkpoint of a model's directory to safetensors, at the speed of a copy.

The structure is read and checked completely before any bytes are copied, from file to file. New files are written to a
temporary directory, those of modules too, and moved into place once all of them are valid. A conversion is complete
when its caller has recorded it: one that was interrupted before is undone by the next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lisa_weights import disk
from lisa_weights.checkpoint.torch_checkpoint import Checkpoint, open_checkpoint
from lisa_weights.conversion_limits import require_output_size, require_tensor_count
from lisa_weights.errors import WeightsError
from lisa_weights.output_tensors import OutputTensor, output_tensors
from lisa_weights.safetensors.dropped_names import FileNames, dropped_names, read_config
from lisa_weights.safetensors.file_names import ADAPTER
from lisa_weights.safetensors.header import Header
from lisa_weights.safetensors.layout import Layout, lay_out, read_file
from lisa_weights.safetensors.shards import check_index, shard_names, split
from lisa_weights.safetensors.tensors import TensorInfo
from lisa_weights.safetensors.writing import ConvertedFile, write_files
from lisa_weights.serving.model_files import ModelFiles
from lisa_weights.serving.sentence_modules import find_modules
from lisa_weights.sources import Sources, find_sources
from lisa_weights.temporary_directory import Conversion, Record, undo_interrupted_conversion
from lisa_weights.unloadable_heads import unloadable_heads
from lisa_weights.verification import Progress
from lisa_weights.wrapped_names import wrapper_of

MAX_SHARD_SIZE = 2_000_000_000
"""Bytes of tensors in one file at most, unless a single tensor is larger."""

_MAX_NAMES = 150_000
"""Tensors of safetensors at most, one of a long name counting as more; a model of a trillion parameters has 140 000."""

_LONG_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The content of a model's directory after a conversion.

    Attributes:
        directory: the model's.
        files: its safetensors in their order, then the index if there is one; then those of its modules.
        tensors: of all files, in the order of their headers.
        skipped: entries of the checkpoint that were omitted: what is not a tensor, and what is beside the state dict.
        taken_from: the keys that lead to the state dict in its file, such as `state_dict`; empty at the top.
        written: whether there was a checkpoint to convert; False if the model was safetensors before.
    """

    directory: Path
    files: tuple[ConvertedFile, ...]
    tensors: tuple[TensorInfo, ...]
    skipped: tuple[str, ...]
    written: bool
    taken_from: tuple[str, ...] = ()


def convert(
    model_dir: Path,
    *,
    max_shard_size: int = MAX_SHARD_SIZE,
    verify: bool = True,
    checksums: bool = False,
    replacing: Collection[str] = (),
    progress: Progress | None = None,
    record: Record | None = None,
) -> Converted:
    """Convert a model's PyTorch checkpoint to safetensors; the checkpoint is not changed.

    Checkpoints in the folders of sentence-transformers modules (`2_Dense`) are converted in their folders.

    Args:
        model_dir: the model's directory, in Hugging Face format.
        max_shard_size: bytes of tensors in one file at most.
        verify: compare every tensor that was written with its source, and compute the files' digests.
        checksums: with `verify`, also compare each storage of a zip checkpoint with its CRC-32, which takes half as
            long again. The structure and what is compressed are checked in any case.
        replacing: names of safetensors, and of their index, that were converted from another checkpoint; they are
            ignored, and removed when the new ones are complete. Safetensors that lack names which their
            headers record (see dropped_names) are replaced in the same way where a checkpoint is present.
        progress: called with the step ("convert", "verify"), the bytes done and the bytes of all, by one thread
            at a time.
        record: is called with the new files when they are in place. Until it returns, the conversion is not complete:
            the next one removes them.

    Raises:
        WeightsError: nothing to convert, a rejected checkpoint, a damaged file, a full or read-only disk. The
            directory is then unchanged.
    """
    if max_shard_size < 1:
        raise WeightsError("The maximum shard size must be at least one byte; use, for example, 2GB.")
    with disk.explain_errors(model_dir):
        undo_interrupted_conversion(model_dir)
        with Conversion(model_dir) as conversion:
            root = _convert_directory(
                model_dir,
                conversion,
                max_shard_size=max_shard_size,
                verify=verify,
                checksums=checksums,
                replacing=[name for name in replacing if "/" not in name],
                progress=progress,
            )
            modules = {
                folder: _convert_directory(
                    model_dir / folder,
                    conversion,
                    max_shard_size=max_shard_size,
                    verify=verify,
                    checksums=checksums,
                    replacing=[name.rpartition("/")[2] for name in replacing if name.rpartition("/")[0] == folder],
                    progress=None,
                )
                for folder in _modules(model_dir, replacing)
            }
            new = [
                replace(file, name=(one.directory / file.name).relative_to(model_dir).as_posix())
                for one in (root, *modules.values())
                for file in one.files
                if one.written
            ]
            if new:
                conversion.complete(new, record)
    return replace(
        root,
        files=(
            *root.files,
            *(replace(file, name=f"{folder}/{file.name}") for folder, one in modules.items() for file in one.files),
        ),
        tensors=(*root.tensors, *(tensor for one in modules.values() for tensor in one.tensors)),
        skipped=(*root.skipped, *(name for one in modules.values() for name in one.skipped)),
        written=root.written or any(one.written for one in modules.values()),
    )


def _modules(model_dir: Path, replacing: Collection[str]) -> Sequence[str]:
    """Folders of sentence-transformers modules whose checkpoints are to be converted."""
    sizes = {
        path.relative_to(model_dir).as_posix(): path.stat().st_size for path in model_dir.rglob("*") if path.is_file()
    }
    kept = {path: size for path, size in sizes.items() if path not in replacing}
    modules = find_modules(ModelFiles(kept, lambda path: (model_dir / path).open("rb")))
    with_checkpoint = {path.rpartition("/")[0] for path in modules.checkpoint}
    return [folder for folder in modules.unconverted if folder in with_checkpoint]


def _convert_directory(
    model_dir: Path,
    conversion: Conversion,
    *,
    max_shard_size: int,
    verify: bool,
    checksums: bool,
    replacing: Collection[str],
    progress: Progress | None,
) -> Converted:
    sources = find_sources(model_dir, excluding=replacing)
    if sources.is_safetensors:
        checked, dropped = _check(model_dir, sources)
        if not dropped:
            return checked
        replacing = {*replacing, *(file.name for file in checked.files)}
        sources = _checkpoint_beside(model_dir, replacing, dropped)
    waiting = conversion.waiting_directory(model_dir)
    with ExitStack() as opened:
        checkpoints = []
        for name in sources.files:
            checkpoints.append(opened.enter_context(open_checkpoint(model_dir / name, waiting)))
            require_tensor_count(model_dir, checkpoints)
        if sources.index:
            held = {checkpoint.path.name: checkpoint.tensors for checkpoint in checkpoints}
            check_index(sources.index, sources.weight_map, held)
        parts = _parts(checkpoints)
        wrapper = None if sources.is_adapter else wrapper_of(parts.keys())
        if wrapper is not None:
            raise WeightsError(f"{model_dir.name} was not converted: {wrapper}.")
        heads = () if sources.is_adapter else unloadable_heads(parts, _config(model_dir))
        parts = {name: part for name, part in parts.items() if name not in heads}
        layouts = _one_layout(ADAPTER, parts) if sources.is_adapter else _layouts(parts, max_shard_size)
        require_output_size(model_dir, sources, layouts)
        files = write_files(waiting, layouts, parts, verify=verify, checksums=checksums, progress=progress)
        _require_every_tensor(waiting, layouts, checkpoints, omitted=heads)
        conversion.replace([model_dir / name for name in replacing])
    tensors = tuple(tensor for layout in layouts.values() for tensor, _ in layout.places)
    skipped = tuple(dict.fromkeys(name for checkpoint in checkpoints for name in checkpoint.skipped))
    skipped += tuple(f"{name}, which equals the embedding and has no parameter in vLLM" for name in heads)
    taken_from = next((checkpoint.taken_from for checkpoint in checkpoints if checkpoint.taken_from), ())
    return Converted(
        directory=model_dir, files=files, tensors=tensors, skipped=skipped, written=True, taken_from=taken_from
    )


def _check(model_dir: Path, sources: Sources) -> tuple[Converted, tuple[str, ...]]:
    """Check existing safetensors; returns them, and the names that their headers record without a tensor."""
    found: dict[str, Header] = {}
    room = _MAX_NAMES
    for name in sources.files:
        found[name] = read_file(model_dir / name)
        room -= sum(1 + len(tensor.name) // _LONG_NAME for tensor in found[name].tensors)
        if room < 0:
            raise WeightsError(f"{model_dir.name} has more than {_MAX_NAMES} tensors, too many for a model.")
    held = {name: [tensor.name for tensor in header.tensors] for name, header in found.items()}
    seen: set[str] = set()
    for name, tensors in held.items():
        if not seen.isdisjoint(tensors):
            raise WeightsError(f"{name} has a tensor that is also in another file; download the model again.")
        seen.update(tensors)
    if sources.index:
        check_index(sources.index, sources.weight_map, held)
    names = (*sources.files, *((sources.index,) if sources.index else ()))
    checked = Converted(
        directory=model_dir,
        files=tuple(ConvertedFile(name, (model_dir / name).stat().st_size, None) for name in names),
        tensors=tuple(tensor for header in found.values() for tensor in header.tensors),
        skipped=(),
        written=False,
    )

    files = {name: FileNames.of(header) for name, header in found.items()}
    return checked, dropped_names(files, lambda: _config(model_dir))


def _config(model_dir: Path) -> Mapping[str, Any]:
    try:
        with (model_dir / "config.json").open("rb") as stream:
            return read_config(stream)
    except OSError:
        return {}


def _checkpoint_beside(model_dir: Path, replacing: Collection[str], dropped: Sequence[str]) -> Sources:
    """Find the checkpoint that safetensors with dropped names can be made from again."""
    try:
        sources = find_sources(model_dir, excluding=replacing)
    except WeightsError:
        sources = None
    if sources is None or sources.is_safetensors:
        raise WeightsError(
            f"{model_dir.name} is damaged: {dropped[0]}. Add its PyTorch checkpoint and convert it again, or"
            " download the model again."
        )
    return sources


def _parts(checkpoints: Sequence[Checkpoint]) -> Mapping[str, OutputTensor]:
    parts: dict[str, OutputTensor] = {}
    for checkpoint in checkpoints:
        for part in output_tensors(checkpoint):
            if part.info.name in parts:
                raise WeightsError(
                    f"Tensor {part.info.name!r} is in two files of the checkpoint; download the model again."
                )
            parts[part.info.name] = part
    return parts


def _one_layout(name: str, parts: Mapping[str, OutputTensor]) -> Mapping[str, Layout]:
    return {name: lay_out([part.info for part in parts.values()], {"format": "pt"})}


def _layouts(parts: Mapping[str, OutputTensor], max_shard_size: int) -> Mapping[str, Layout]:
    shards = split((part.info for part in parts.values()), max_shard_size)
    names = shard_names(len(shards))
    return {name: lay_out(shard, {"format": "pt"}) for name, shard in zip(names, shards, strict=True)}


def _require_every_tensor(
    directory: Path, names: Iterable[str], checkpoints: Sequence[Checkpoint], *, omitted: Collection[str]
) -> None:
    """Compare the headers of the written files with the checkpoint: the same names, each of its type and shape."""
    written = {
        tensor.name: (tensor.dtype, tensor.shape) for name in names for tensor in read_file(directory / name).tensors
    }
    expected = {
        name: (view.dtype, view.stored_shape)
        for checkpoint in checkpoints
        for name, view in checkpoint.tensors.items()
        if name not in omitted
    }
    if written != expected:
        wrong = sorted(name for name in expected.keys() | written.keys() if expected.get(name) != written.get(name))
        raise WeightsError(
            f"The conversion wrote {len(wrong)} tensors that differ from the checkpoint, {wrong[0]!r} among them;"
            " nothing was changed. Report this as an error of LISA."
        )
