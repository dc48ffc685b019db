"""What a model's directory holds: safetensors already, or the files of one PyTorch checkpoint."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.model_shapes import is_adapter
from lisa_weights.safetensors.file_names import ADAPTER, INDEX, SINGLE
from lisa_weights.safetensors.shards import inside, read_index
from lisa_weights.serving.model_files import ModelFiles, lfs_problem
from lisa_weights.serving.weight_files import ambiguity, could_be_weights, is_checkpoint, is_numbered, is_of_training

_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.(?P<suffix>bin|pt|pth|safetensors)")
_CHECKPOINT = re.compile(r".+\.(bin|pt|pth)")
_ADAPTER_CHECKPOINTS = ("adapter_model.bin", "adapter_model.pt")
_PREFERRED = ("pytorch_model.bin", "model.bin", "pytorch_model.pt", "model.pt", "pytorch_model.pth", "model.pth")


@dataclass(frozen=True, slots=True)
class Sources:
    """The weights of a model.

    Attributes:
        files: their names, sorted.
        is_safetensors: whether they need no conversion.
        index: name of the index, if there is one.
        weight_map: the file of each tensor by the index; empty without one.
        is_adapter: whether they are those of a LoRA adapter, which stay under its file name.
    """

    files: tuple[str, ...]
    is_safetensors: bool
    index: str | None
    weight_map: Mapping[str, str]
    is_adapter: bool = False


def find_sources(directory: Path, *, excluding: Collection[str] = ()) -> Sources:
    """Find the weights in a model's directory; safetensors go before a checkpoint, their index before single files.

    Args:
        directory: the model's.
        excluding: names of files to ignore.

    Raises:
        WeightsError: there are none, more than one checkpoint, others that could be meant, a part of one missing, a Git
            LFS pointer instead of a file, or a path out of the directory.
    """
    try:
        visible = {path.name for path in directory.iterdir() if not path.name.startswith(".")}
    except OSError as error:
        raise WeightsError(f"{directory} cannot be read ({error.strerror}); check its permissions.") from error
    names = sorted(visible.difference(excluding))
    sources = _choose(directory, names)
    _require_contents(directory, sources, names)
    return sources


def _choose(directory: Path, names: list[str]) -> Sources:
    if is_adapter(names):
        return _adapter(directory, names)
    checkpoints = [name for name in names if _CHECKPOINT.fullmatch(name) and not is_of_training(name)]
    tensors = [name for name in names if name.endswith(".safetensors")]
    if INDEX in names:
        return _indexed(directory, INDEX, is_safetensors=True)
    if SINGLE in names:
        return _listed(directory, [SINGLE], is_safetensors=True)
    if tensors and not checkpoints:
        return _listed(directory, _parts(tensors), is_safetensors=True)
    indexes = [name for name in names if re.fullmatch(r".+\.(bin|pt|pth)\.index\.json", name)]
    single = next((name for name in _PREFERRED if name in checkpoints), None)
    if len(indexes) == 1:
        indexed = _indexed(directory, indexes[0], is_safetensors=False)
        if single is not None and single not in indexed.files:
            # transformers loads the single file, vLLM loads both.
            raise WeightsError(
                f"{directory.name} has two checkpoints, {single} and the files of {indexes[0]}; remove one of them."
            )
        return indexed
    found = [single] if single else _parts(checkpoints)
    if not found:
        raise WeightsError(f"{directory.name} contains no weights (.safetensors, .bin, .pt or .pth); add them.")
    return _listed(directory, found, is_safetensors=False)


def _require_contents(directory: Path, sources: Sources, names: Collection[str]) -> None:
    """Reject pointers instead of weights, and weights beside which others could be meant.

    Raises:
        WeightsError: the file that is wrong, or the choice.
    """
    try:
        sizes = {name: (directory / name).stat().st_size for name in names if (directory / name).is_file()}
        files = ModelFiles(sizes, lambda name: (directory / name).open("rb"))
        pointer = next((name for name in sources.files if files.is_lfs_pointer(name)), None)
    except OSError as error:
        raise WeightsError(f"{directory} cannot be read ({error.strerror}); check its permissions.") from error
    if pointer is not None:
        raise WeightsError(f"{lfs_problem(pointer)}.")
    if sources.is_adapter:
        return
    beside = {name for name in sizes if not is_numbered(name) and not (sources.is_safetensors and is_checkpoint(name))}
    if rivals := could_be_weights(sizes, sources.files, beside=beside):
        raise WeightsError(f"{directory.name}: {ambiguity(sources.files, rivals)}.")


def _indexed(directory: Path, index: str, *, is_safetensors: bool) -> Sources:
    weight_map = read_index(directory, index)
    return Sources(tuple(sorted(set(weight_map.values()))), is_safetensors, index, weight_map)


def _listed(directory: Path, names: list[str], *, is_safetensors: bool) -> Sources:
    for name in names:
        inside(directory, name)
    return Sources(tuple(names), is_safetensors, None, {})


def _adapter(directory: Path, names: Collection[str]) -> Sources:
    name = next((name for name in (ADAPTER, *_ADAPTER_CHECKPOINTS) if name in names), None)
    if name is None:
        raise WeightsError(f"{directory.name} is a LoRA adapter without {ADAPTER}; add its weights.")
    inside(directory, name)
    return Sources((name,), name == ADAPTER, None, {}, is_adapter=True)


def _parts(names: list[str]) -> list[str]:
    """Check that the names are one file, or all numbered parts of one checkpoint."""
    matches = [_PART.fullmatch(name) for name in names]
    wholes = {(match["stem"], match["count"], match["suffix"]) if match else None for match in matches}
    if len(names) > 1 and (len(wholes) != 1 or None in wholes):
        raise WeightsError(
            f"It is ambiguous which of {', '.join(names[:5])} are the model's weights; keep one checkpoint."
        )
    for match in matches:
        if match and len(names) != int(match["count"]):
            raise WeightsError(
                f"Of {int(match['count'])} parts of {match['stem']} there are {len(names)}; download those that miss."
            )
    return names
