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


@pytest.mark.parametrize(
    ("dtype", "nbytes"), [("F4", 16), ("F6_E2M3", 24), ("F6_E3M2", 24), ("F8_E8M0", 32), ("F8_E4M3", 32), ("C64", 256)]
)
def test_packed_and_unusual_types_are_read_as_the_library_reads_them(dtype: str, nbytes: int) -> None:
    library = pytest.importorskip("safetensors")
    content = raw({"w": {"dtype": dtype, "shape": [4, 8], "data_offsets": [0, nbytes]}}, bytes(nbytes))
    ((_, theirs),) = library.deserialize(content)
    (ours,) = read_header(io.BytesIO(content), len(content)).tensors
    assert (ours.dtype, list(ours.shape), ours.nbytes, ours.count) == (
        theirs["dtype"], theirs["shape"], len(theirs["data"]), 32,
    )  # fmt: skip


def test_order_of_types_is_the_librarys() -> None:
    numpy = pytest.importorskip("numpy")
    library = pytest.importorskip("safetensors")
    names = {
        Dtype.BOOL: "bool", Dtype.F4: "float4_e2m1fn_x2", Dtype.U8: "uint8", Dtype.I8: "int8",
        Dtype.F8_E5M2: "float8_e5m2", Dtype.F8_E4M3: "float8_e4m3fn", Dtype.F8_E8M0: "float8_e8m0fnu",
        Dtype.F8_E4M3FNUZ: "float8_e4m3fnuz", Dtype.F8_E5M2FNUZ: "float8_e5m2fnuz", Dtype.I16: "int16",
        Dtype.U16: "uint16", Dtype.F16: "float16", Dtype.BF16: "bfloat16", Dtype.I32: "int32", Dtype.U32: "uint32",
        Dtype.F32: "float32", Dtype.C64: "complex64", Dtype.F64: "float64", Dtype.I64: "int64", Dtype.U64: "uint64",
    }  # fmt: skip
    data = numpy.zeros(64, "uint8")
    content = library.serialize(
        {
            dtype.value: library.TensorSpec(dtype=name, shape=[8], data_ptr=data.ctypes.data, data_len=8 * dtype.size)
            for dtype, name in names.items()
        }
    )
    found = [tensor.dtype for tensor in read_header(io.BytesIO(content), len(content)).tensors]
    assert found == sorted(names, key=lambda dtype: -dtype.rank)


def test_packed_elements_fill_bytes() -> None:
    content = raw({"w": {"dtype": "F4", "shape": [3], "data_offsets": [0, 2]}}, b"12")
    with pytest.raises(WeightsError, match="whose F4 elements do not fill a number of bytes"):
        read_header(io.BytesIO(content), len(content))


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
