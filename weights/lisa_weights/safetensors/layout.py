"""Lay out and read safetensors files as the safetensors library does (safetensors/src/tensor.rs)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.header import Header, read_header
from lisa_weights.safetensors.tensors import TensorInfo

_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """A safetensors file that is still to be written.

    Attributes:
        head: its first bytes: the header with its length, filled up with spaces to a multiple of eight.
        places: the tensors in their order in the file, each with the offset of its data in the file.
        size: bytes of the complete file.
    """

    head: bytes
    places: tuple[tuple[TensorInfo, int], ...]
    size: int


def lay_out(tensors: Iterable[TensorInfo], metadata: Mapping[str, str]) -> Layout:
    """Place tensors in a file: the widest types first and then by name, without gaps, so that all are aligned.

    Args:
        tensors: what the file shall hold; names differ.
        metadata: texts for the header; `format` and the names that were tied to others.
    """
    ordered = sorted(tensors, key=lambda tensor: (-tensor.dtype.rank, tensor.name))
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    end = 0
    offsets = []
    for tensor in ordered:
        offsets.append(end)
        header[tensor.name] = {
            "dtype": tensor.dtype.value,
            "shape": list(tensor.shape),
            "data_offsets": [end, end + tensor.nbytes],
        }
        end += tensor.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    head = len(text).to_bytes(8, "little") + text
    places = tuple((tensor, len(head) + offset) for tensor, offset in zip(ordered, offsets, strict=True))
    return Layout(head, places, len(head) + end)


def read_file(path: Path) -> Header:
    """Read the header of a file and check that it accounts for every byte of it.

    Raises:
        WeightsError: it does not; the text names the file.
    """
    try:
        with path.open("rb") as stream:
            return read_header(stream, path.stat().st_size)
    except WeightsError as error:
        raise WeightsError(
            f"{path.name} is not a complete safetensors file: {error}. Download or convert it again."
        ) from error
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read ({error.strerror}); download the file again.") from error
