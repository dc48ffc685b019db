"""Shards: split tensors into files, and read an index, whose paths must stay in the model's directory.

Source: the index that transformers writes, {"metadata": {...}, "weight_map": {tensor: file}}.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from lisa_weights.bounded_json import parse
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.file_names import SINGLE
from lisa_weights.safetensors.tensors import TensorInfo

MAX_INDEX_BYTES = 24_000_000
"""1.5 times the index of a model of a trillion parameters, which has 140 000 tensors."""

_INDEX_MEMORY = 80_000_000


def inside(directory: Path, name: str) -> Path:
    """The file of that name in the model's directory.

    Raises:
        WeightsError: the name or a symbolic link leads out of the directory, or there is no such file.
    """
    pure = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or pure.is_absolute() or ".." in pure.parts:
        raise WeightsError(f"{name[:200]!r} is outside the model's directory; refer only to files in the directory.")
    path = directory / pure
    try:
        resolved = path.resolve()
        if not resolved.is_relative_to(directory.resolve()):
            raise WeightsError(
                f"{name!r} is a symbolic link to a file outside the model's directory; replace it with the file."
            )
        found = resolved.is_file()
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"{name[:200]!r} cannot be looked up in the model's directory; rename the file.") from error
    if not found:
        raise WeightsError(f"{name!r} is missing from {directory.name}; download the model again.")
    return path


def read_index(directory: Path, name: str) -> Mapping[str, str]:
    """Read an index: the file that holds each tensor.

    Raises:
        WeightsError: not an index, or one that refers to files outside the directory or missing from it.
    """
    path = inside(directory, name)
    try:
        with path.open("rb") as stream:
            weight_map = weight_map_of(stream.read(MAX_INDEX_BYTES + 1))
    except WeightsError as error:
        raise WeightsError(f"{name} cannot be used: it {error}; download the model again.") from error
    for file in sorted(set(weight_map.values())):
        inside(directory, file)
    return weight_map


def weight_map_of(content: bytes) -> Mapping[str, str]:
    """The file of each tensor, by the content of an index.

    Raises:
        WeightsError: a clause such as “is not JSON”.
    """
    if len(content) > MAX_INDEX_BYTES:
        raise WeightsError("is too large for an index")
    index = parse(content, _INDEX_MEMORY)
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise WeightsError("has no weight_map that maps each tensor to its file")
    if not all(isinstance(file, str) for file in weight_map.values()):
        raise WeightsError("refers to a file by a value that is not a string")
    files = {file: file for file in weight_map.values()}
    return {tensor: files[file] for tensor, file in weight_map.items()}


def check_index(name: str, weight_map: Mapping[str, str], held: Mapping[str, Iterable[str]]) -> None:
    """Check that every tensor of an index is in the file that the index specifies.

    Args:
        name: the index, for messages.
        weight_map: the file of each tensor.
        held: the tensors of each file.

    Raises:
        WeightsError: a tensor is not in its file.
    """
    names = {file: frozenset(tensors) for file, tensors in held.items()}
    for tensor, file in weight_map.items():
        if tensor not in names.get(file, ()):
            raise WeightsError(
                f"{name} maps {tensor!r} to {file}, which does not contain it. Download the model again."
            )


def split(tensors: Iterable[TensorInfo], max_size: int) -> Sequence[Sequence[TensorInfo]]:
    """Split tensors into shards in their order, each of at most `max_size` bytes of data or of a single tensor.

    The number of shards is minimal, and so is the largest shard for that number: shards of similar size are written,
    transferred and loaded in parallel in the shortest time.
    """
    held = list(tensors)
    shards = _fill(held, max_size)
    if len(shards) == 1:
        return shards
    least, most = max(1, -(-sum(tensor.nbytes for tensor in held) // len(shards))), max_size
    while least < most:
        limit = (least + most) // 2
        if len(_fill(held, limit)) > len(shards):
            least = limit + 1
        else:
            most = limit
    return _fill(held, most)


def _fill(tensors: Iterable[TensorInfo], limit: int) -> Sequence[Sequence[TensorInfo]]:
    """Begin a shard whenever the next tensor does not fit."""
    shards: list[list[TensorInfo]] = [[]]
    size = 0
    for tensor in tensors:
        if shards[-1] and size + tensor.nbytes > limit:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += tensor.nbytes
    return shards


def shard_names(count: int) -> Sequence[str]:
    """The files' names: `model.safetensors` for one, `model-00001-of-00003.safetensors` … for more."""
    if count == 1:
        return (SINGLE,)
    return tuple(f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1))


def index_of(shards: Mapping[str, Sequence[TensorInfo]]) -> bytes:
    """The index of shards by file name, as transformers writes it."""
    content = {
        "metadata": {"total_size": sum(tensor.nbytes for shard in shards.values() for tensor in shard)},
        "weight_map": {tensor.name: file for file, shard in shards.items() for tensor in shard},
    }
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
