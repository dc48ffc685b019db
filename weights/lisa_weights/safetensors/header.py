"""The header of a safetensors file, read from a stream, so that a file in a bucket is judged like one on the disk.

The format (https://github.com/huggingface/safetensors#format): eight bytes of length, little endian; that many bytes
of JSON; then the tensors' data without gaps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from lisa_weights.bounded_json import parse
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.tensors import Dtype, TensorInfo

MAX_HEADER_BYTES = 16_000_000
"""More than a hundred times the largest of usual models; the safetensors library accepts 100 MB."""

_MEMORY = 48_000_000
_MAX_NAME = 1024

_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a safetensors file.

    Attributes:
        tensors: in the order of the header.
        metadata: the free texts under `__metadata__`.
    """

    tensors: tuple[TensorInfo, ...]
    metadata: Mapping[str, str]


def read_header(stream: IO[bytes], size: int) -> Header:
    """Read and check a header.

    Args:
        stream: at the beginning of the file; nothing but the header is read.
        size: bytes of the complete file; the header must account for every one of them.

    Raises:
        WeightsError: the text is a clause without the file's name, such as “its header is not JSON”.
    """
    length = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "little")
    if length > MAX_HEADER_BYTES or length + _LENGTH_BYTES > size:
        raise WeightsError(f"its header would have {length} bytes, which exceeds the limit")
    text = _exactly(stream, length)
    try:
        content = parse(text, _MEMORY)
    except WeightsError as error:
        raise WeightsError(f"its header {error}") from error
    if not isinstance(content, dict):
        raise WeightsError("its header is not a JSON object")
    metadata = content.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise WeightsError("its header's metadata are not strings")
    placed = [_tensor(name, value) for name, value in content.items()]
    end = 0
    for begin, tensor in sorted(placed, key=lambda item: (item[0], item[1].nbytes)):
        if begin != end:
            raise WeightsError(f"the data of {tensor.name} does not follow that of the previous tensor")
        end = begin + tensor.nbytes
    expected = _LENGTH_BYTES + length + end
    if expected != size:
        raise WeightsError(f"it has {size} bytes, but its header specifies {expected}")
    return Header(tuple(tensor for _, tensor in placed), metadata)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    parts = []
    while count > 0:
        part = stream.read(count)
        if not part:
            raise WeightsError("it is truncated in its header")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _tensor(name: str, value: Any) -> tuple[int, TensorInfo]:
    if len(name) > _MAX_NAME:
        raise WeightsError(f"its header names a tensor by {len(name)} characters, more than {_MAX_NAME}")
    try:
        dtype = Dtype(value["dtype"])
        shape = tuple(value["shape"])
        begin, end = value["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"its header describes {name} incorrectly") from error
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
        raise WeightsError(f"its header has a size of {name} that is not a number")
    nbytes, unused = divmod(math.prod(shape) * dtype.bits, 8)
    if unused:
        raise WeightsError(f"its header describes {name}, whose {dtype} elements do not fill a number of bytes")
    if end - begin != nbytes:
        raise WeightsError(f"its header gives {name} {end - begin} bytes, but its shape requires {nbytes}")
    return begin, TensorInfo(name, dtype, shape, nbytes)
