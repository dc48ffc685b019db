"""A PyTorch checkpoint: which tensors it holds and where their bytes lie in the file.

Two formats: the zip file that PyTorch writes since 1.6, one entry a storage, and before it a row of pickles that the
storages follow. Nothing of the weights is read here.

Source: torch/serialization.py, _save and _legacy_save.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lisa_weights.checkpoint.archive import STORED, Entry, inflate, read_archive
from lisa_weights.checkpoint.pickle_values import Value
from lisa_weights.checkpoint.pickles import read_pickle
from lisa_weights.checkpoint.plain_objects import NumpyArray
from lisa_weights.checkpoint.torch_records import NAMES, ForeignTensor, Storage, View, storage_of
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.tensors import Dtype

_ZIP = b"PK\3\4"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_MAX_PICKLE = 6 << 20
_MAX_NAME = 256
_NESTED = ("state_dict", "model_state_dict", "model")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a storage lie.

    Attributes:
        descriptor: an open file.
        start: offset of the first byte.
        size: number of bytes.
        crc: their CRC-32, if the file has it and it was not checked while reading the structure.
        name: the file and the storage in it, for messages.
    """

    descriptor: int
    start: int
    size: int
    crc: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An open checkpoint.

    Attributes:
        path: the file.
        tensors: by name, in the order of the file.
        places: by storage key, for every storage that a tensor views.
        skipped: names of entries beside the tensors that are not tensors (a step count, a configuration, the state of
            an optimizer).
        taken_from: the keys that lead to the dictionary of the tensors, such as `state_dict`; empty at the top.
    """

    path: Path
    tensors: Mapping[str, View]
    places: Mapping[str, Place]
    skipped: tuple[str, ...]
    taken_from: tuple[str, ...] = ()


@contextmanager
def open_checkpoint(path: Path, scratch: Path) -> Iterator[Checkpoint]:
    """Open a checkpoint and find its tensors.

    Args:
        path: a `.bin`, `.pt` or `.pth` file.
        scratch: a directory for the content of compressed entries, which is deleted at the end.

    Raises:
        WeightsError: not a checkpoint, damaged, or one that would have to run code.
    """
    with path.open("rb") as stream:
        is_zip = stream.read(len(_ZIP)) == _ZIP
        stream.seek(0)
        with tempfile.TemporaryFile(dir=scratch) as unpacked:
            if is_zip:
                content, places = _read_zip(stream.fileno(), unpacked, path.name)
            else:
                content, places = _read_legacy(stream, path.name)
            tensors, skipped, keys = _select(content, path.name)
            del content
            yield Checkpoint(path, tensors, places, skipped, keys)


class _Storages:
    """The storages that a pickle names, each with one length whatever the types that look at it."""

    def __init__(self, what: str) -> None:
        self.by_key: dict[str, Storage] = {}
        self._what = what

    def find(self, identifier: Value) -> Storage:
        storage = storage_of(identifier)
        if self.by_key.setdefault(storage.key, storage).nbytes != storage.nbytes:
            raise WeightsError(f"{self._what} has two lengths for storage {storage.key!r}; save it again.")
        return storage


_Found = tuple[Value, Mapping[str, Place]]


def _read_zip(descriptor: int, unpacked: BinaryIO, what: str) -> _Found:
    entries = read_archive(descriptor, what)
    pickles = [name for name in entries if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise WeightsError(f"{what} is a zip file, but not a PyTorch checkpoint: it has {len(pickles)} data.pkl in it.")
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}constants.pkl" in entries and any(name.startswith(f"{root}code/") for name in entries):
        raise WeightsError(f"{what} is a TorchScript program, which is code; save the model's state_dict() instead.")
    order = entries.get(f"{root}byteorder")
    if order is not None and _content(descriptor, order, what) != b"little":
        raise WeightsError(f"{what} was written on a big-endian machine; save it again on a little-endian one.")
    storages = _Storages(what)
    pickled = io.BytesIO(_content(descriptor, entries[pickles[0]], what))
    content = read_pickle(pickled, NAMES, storages.find, what=what)
    places = {}
    for key, storage in storages.by_key.items():
        entry = entries.get(f"{root}data/{key}")
        if entry is None or entry.size != storage.nbytes:
            raise WeightsError(
                f"{what} has {entry.size if entry else 'no'} bytes of storage {key!r} where"
                f" {storage.nbytes} belong; download or save the file again."
            )
        places[key] = _place(descriptor, entry, unpacked, what)
    return content, places


def _content(descriptor: int, entry: Entry, what: str) -> bytes:
    if entry.size > _MAX_PICKLE:
        raise WeightsError(f"{what} has a structure of {entry.size} bytes, too large for a checkpoint.")
    return b"".join(inflate(descriptor, entry, what))


def _place(descriptor: int, entry: Entry, unpacked: BinaryIO, what: str) -> Place:
    name = f"{entry.name} in {what}"
    if entry.method == STORED:
        return Place(descriptor, entry.start, entry.size, entry.crc, name)
    start = unpacked.seek(0, os.SEEK_END)
    for piece in inflate(descriptor, entry, what):
        unpacked.write(piece)
    unpacked.flush()
    return Place(unpacked.fileno(), start, entry.size, None, name)


def _read_legacy(stream: BinaryIO, what: str) -> _Found:
    storages = _Storages(what)

    def read() -> Value:
        return read_pickle(stream, NAMES, storages.find, what=what)

    if stream.read(1) not in (b"\x80", b"L"):
        raise WeightsError(f"{what} is not a PyTorch checkpoint; use a file written by torch.save.")
    stream.seek(0)
    if read() != _LEGACY_MAGIC or read() != _LEGACY_PROTOCOL:
        raise WeightsError(f"{what} is a pickle, but not a PyTorch checkpoint; use a file written by torch.save.")
    system = read()
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise WeightsError(f"{what} was written on a big-endian machine; save it again on a little-endian one.")
    content, keys = read(), read()
    if not isinstance(keys, list) or {key for key in keys if isinstance(key, str)} != set(storages.by_key):
        raise WeightsError(f"{what} lists storages that its tensors do not use; save it again.")
    if len(keys) != len(storages.by_key):
        raise WeightsError(f"{what} lists a storage twice; save it again.")
    places = {}
    size = os.fstat(stream.fileno()).st_size
    position = stream.tell()
    for key in keys:
        storage = storages.by_key[key]
        width = storage.dtype.size if storage.dtype else 1
        count = int.from_bytes(os.pread(stream.fileno(), 8, position), "little")
        position += 8
        if count * width != storage.nbytes or position + storage.nbytes > size:
            raise WeightsError(f"{what} is truncated or damaged at storage {key!r}; download or save it again.")
        places[key] = Place(stream.fileno(), position, storage.nbytes, None, f"storage {key} in {what}")
        position += storage.nbytes
    return content, places


def _select(content: Value, what: str) -> tuple[Mapping[str, View], tuple[str, ...], tuple[str, ...]]:
    """The state dict, what is not a tensor in it and beside it, and the usual names that it may be nested under."""
    keys: list[str] = []
    skipped: list[str] = []
    for _ in _NESTED:
        key = next((key for key in _NESTED if key in content), None) if isinstance(content, dict) else None
        inner = content[key] if key is not None and isinstance(content, dict) else None
        if key is None or not isinstance(content, dict) or not isinstance(inner, dict):
            break
        _require_only_weights(content, inner, what)
        skipped += [_shown(name) for name in content if name != key]
        keys.append(key)
        content = inner
    if not isinstance(content, dict):
        raise WeightsError(f"{what} does not contain a state_dict; save the model's state_dict().")
    tensors: dict[str, View] = {}
    for name, value in content.items():
        found = _tensor_in(value)
        if isinstance(found, ForeignTensor):
            raise WeightsError(f"{what} was not converted: its tensor {_shown(name)!r} {found.reason}. {found.fix}.")
        if isinstance(value, View):
            if not isinstance(name, str) or not name or len(name) > _MAX_NAME or name == "__metadata__":
                raise WeightsError(f"{what} has a tensor whose name safetensors does not support; use a short string.")
            tensors[name] = value
        elif found is not None:
            raise WeightsError(f"{what} has tensors nested under {_shown(name)!r}; save a flat state_dict().")
        else:
            skipped.append(_shown(name))
    if not tensors and any(isinstance(value, NumpyArray) for value in content.values()):
        raise WeightsError(
            f"{what} contains arrays of numpy instead of tensors; save `torch.from_numpy(array)` of each of them."
        )
    if not tensors:
        raise WeightsError(f"{what} contains no tensors; use the file with the model's weights.")
    return tensors, tuple(skipped), tuple(keys)


def _shown(name: Value) -> str:
    return str(name)[:_MAX_NAME] if isinstance(name, str | int) else "an entry without a name"


def _require_only_weights(content: dict[Value, Value], chosen: dict[Value, Value], what: str) -> None:
    """Reject a checkpoint in which tensors outside the chosen state dict would be lost silently.

    A second state dict with the same names, such as an exponential moving average, may be the one that is meant;
    tensors beside it, alone or in a dictionary of their own, may belong to the model. States of optimizers are named
    so or numbered, states of random generators are bytes, and counters are scalars.
    """
    names = {name for name, value in chosen.items() if isinstance(value, View)}
    for name, value in content.items():
        if value is chosen:
            continue
        if isinstance(value, ForeignTensor) or (isinstance(value, View) and value.shape):
            raise WeightsError(
                f"{what} has the tensor {str(name)[:_MAX_NAME]!r} outside its state_dict. Save one flat state_dict()."
            )
        if isinstance(value, dict) and any(key in names for key, inner in value.items() if isinstance(inner, View)):
            raise WeightsError(
                f"{what} has two sets of weights, one of them under {str(name)[:_MAX_NAME]!r}; save the state_dict() of"
                " the one to serve."
            )
        if isinstance(name, str) and "optim" not in name.lower() and _holds_weights(value):
            raise WeightsError(
                f"{what} has tensors under {name[:_MAX_NAME]!r} outside its state_dict. Save one flat state_dict()."
            )


def _holds_weights(value: Value) -> bool:
    """Whether a dictionary, which may contain itself, has a tensor that may be a weight under string keys."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if isinstance(current, dict) and id(current) not in seen:
            seen.add(id(current))
            for key, inner in current.items():
                if isinstance(inner, ForeignTensor):
                    return True
                if isinstance(inner, View) and inner.shape and inner.dtype is not Dtype.U8:
                    return True
                if isinstance(key, str):
                    pending.append(inner)
    return False


def _tensor_in(value: Value) -> View | ForeignTensor | None:
    """A tensor, or the first one directly inside a container."""
    inside = _values(value) if isinstance(value, dict | list | tuple) else (value,)
    return next((each for each in inside if isinstance(each, View | ForeignTensor)), None)


def _values(container: dict[Value, Value] | list[Value] | tuple[Value, ...]) -> Iterator[Value]:
    yield from container.values() if isinstance(container, dict) else container
