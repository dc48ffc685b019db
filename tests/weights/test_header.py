"""Headers of safetensors: what the library writes is read, what does not add up is refused."""

from __future__ import annotations

import io
import json

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.header import read_header
from lisa_weights.safetensors.tensors import Dtype
from weights.model_files import safetensors


def raw(header: object, data: bytes = b"") -> bytes:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + data


def test_the_librarys_own_file() -> None:
    numpy = pytest.importorskip("numpy")
    library = pytest.importorskip("safetensors.numpy")
    content = library.save(
        {"a": numpy.zeros((2, 3), "float16"), "b": numpy.zeros((), "int64"), "c": numpy.zeros((0, 4), "float32")},
        metadata={"format": "pt"},
    )
    header = read_header(io.BytesIO(content), len(content))
    assert {tensor.name: (tensor.dtype, tensor.shape, tensor.nbytes) for tensor in header.tensors} == {
        "a": (Dtype.F16, (2, 3), 12),
        "b": (Dtype.I64, (), 8),
        "c": (Dtype.F32, (0, 4), 0),
    }
    assert header.metadata == {"format": "pt"}


def test_nothing_but_the_header_is_read() -> None:
    content = safetensors({"x": b"1" * 1000})
    stream = io.BytesIO(content)
    read_header(stream, len(content))
    assert stream.tell() == len(content) - 1000


ENTRY = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated in its header"),
        (b"\xff" * 8, "which exceeds the limit"),
        (b"\x80\x96\x98\x00\x00\x00\x00\x00", "which exceeds the limit"),
        (raw(b"{]"), "not JSON"),
        (raw(b'{"a":[' + b"[]," * 200_000 + b"0]}"), "MiB of memory, more than any model requires"),
        (raw(b"[" * 50_000), "not JSON"),
        (raw([]), "not a JSON object"),
        (raw(b'{"a": 1, "a": 2}'), "not JSON"),
        (raw({"__metadata__": {"a": 1}}), "not strings"),
        (raw({"x": ENTRY}, b"123"), "its header specifies"),
        (raw({"x": ENTRY}, b"12345"), "its header specifies"),
        (raw({"x": ENTRY, "y": ENTRY}, b"1234"), "does not follow"),
        (raw({"x": {**ENTRY, "data_offsets": [1, 5]}}, b"12345"), "does not follow"),
        (raw({"x": {**ENTRY, "shape": [5]}}, b"1234"), "its shape requires 5"),
        (raw({"x": {**ENTRY, "shape": [-4]}}, b"1234"), "not a number"),
        (raw({"x": {**ENTRY, "shape": [True]}}, b"1234"), "not a number"),
        (raw({"x": {**ENTRY, "dtype": "Q3"}}, b"1234"), "describes x incorrectly"),
        (raw({"x": 1}), "describes x incorrectly"),
        (raw({"x" * 1025: ENTRY}, b"1234"), "by 1025 characters, more than 1024"),
    ],
)
def test_what_does_not_add_up(content: bytes, reason: str) -> None:
    with pytest.raises(WeightsError, match=reason):
        read_header(io.BytesIO(content), len(content))
