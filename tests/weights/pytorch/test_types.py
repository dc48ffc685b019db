"""Every type and layout of PyTorch's tensors, converted bit for bit or refused for what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch as safetensors_torch
import torch

from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from weights.pytorch.tensors import DTYPES, assert_same, loaded, saved, values

NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.uint16: "U16",
    torch.float16: "F16", torch.bfloat16: "BF16", torch.int32: "I32", torch.uint32: "U32", torch.float32: "F32",
    torch.complex64: "C64", torch.float64: "F64", torch.int64: "I64", torch.uint64: "U64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.float8_e8m0fnu: "F8_E8M0",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ", torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
}  # fmt: skip
LAYOUTS = {
    "contiguous": lambda t: t,
    "transposed": lambda t: t.t(),
    "offset": lambda t: t[2:, 3:],
    "stepped": lambda t: t[::3, ::2],
    "column": lambda t: t[:, 1],
    "expanded": lambda t: t[:1].expand(5, t.shape[1]),
    "scalar": lambda t: t[1, 1],
    "empty": lambda t: t[:0],
    "permuted": lambda t: t.view(2, 4, 7).permute(2, 0, 1),
}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_type_and_layout_is_kept_bit_for_bit(tmp_path: Path, dtype: Any, legacy: bool) -> None:
    content = {name: view(values(dtype, 8, 7)) for name, view in LAYOUTS.items()}
    model = saved(tmp_path / "m", content, _use_new_zipfile_serialization=not legacy)
    converted = convert(model)
    assert {tensor.dtype.value for tensor in converted.tensors} == {NAMES[dtype]}
    assert_same(content, loaded(converted))


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_packed_numbers_of_four_bits_are_what_the_library_writes(tmp_path: Path, legacy: bool) -> None:
    packed = values(torch.uint8, 8, 6)
    four_bits = torch.float4_e2m1fn_x2
    content = {
        "w": packed.view(four_bits),
        "t": packed[2:, :].view(four_bits),
    }
    model = saved(tmp_path / "m", content, _use_new_zipfile_serialization=not legacy)
    converted = convert(model)
    assert {tensor.name: (tensor.dtype.value, tensor.shape) for tensor in converted.tensors} == {
        "w": ("F4", (8, 12)),
        "t": ("F4", (6, 12)),
    }
    copies = {name: tensor.clone() for name, tensor in content.items()}
    safetensors_torch.save_file(copies, tmp_path / "own.safetensors", metadata={"format": "pt"})
    assert (model / "model.safetensors").read_bytes() == (tmp_path / "own.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (lambda: torch.zeros(2, dtype=torch.complex128), "has the type complex128.* Save it as complex64"),
        (lambda: torch.zeros(2, dtype=torch.complex32), "has the type complex32"),
        (lambda: torch.zeros(2, dtype=torch.uint8).view(torch.bits8), "has the type bits8"),
        (lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8), r"quantized.*dequantize\(\)"),
        (lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.quint8), "quantized"),
        (lambda: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint32), "quantized"),
        (
            lambda: torch.quantize_per_channel(torch.ones(4, 2), torch.ones(4), torch.zeros(4), 0, torch.qint8),
            "quantized",
        ),
        (lambda: torch.eye(3).to_sparse(), r"sparse.*to_dense\(\)"),
        (lambda: torch.eye(3).to_sparse_csr(), "sparse"),
        (lambda: torch.zeros(2, device="meta"), "no data"),
        (lambda: torch.ones(2, dtype=torch.complex64).conj(), "conjugated"),
        (lambda: torch.nn.Parameter(torch.zeros(2, dtype=torch.complex128)), "complex128"),
    ],
)
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_tensors_that_safetensors_cannot_store_are_refused_for_what_they_are(
    tmp_path: Path, tensor: Any, said: str, legacy: bool
) -> None:
    content = {"v": torch.ones(2), "w": tensor()}
    model = saved(tmp_path / "m", content, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(WeightsError, match=f"its tensor 'w' .*{said}") as refused:
        convert(model)
    assert "code" not in str(refused.value)
    beside = {"model": {"v": torch.ones(2)}, "optimizer": {"state": {0: tensor()}}}
    assert [info.name for info in convert(saved(tmp_path / "beside", beside)).tensors] == ["v"]


def test_types_of_torch_beside_the_tensors_are_passed_over(tmp_path: Path) -> None:
    extra = {
        "size": torch.Size([1]), "device": torch.device("cpu"), "dtype": torch.float32, "foreign": torch.qint8,
        "layout": torch.strided, "scheme": torch.per_tensor_affine, "random": torch.get_rng_state(),
    }  # fmt: skip
    for protocol in (0, 1, 2, 3, 4, 5):
        model = saved(
            tmp_path / str(protocol), {"model": {"w": torch.ones(2)}, "args": extra}, pickle_protocol=protocol
        )
        assert convert(model).skipped == ("args",)
