"""Tensors without a pattern, saved by PyTorch, and compared bit for bit with what safetensors loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import safetensors.torch as safetensors_torch
import torch

from lisa_weights.convert import Converted

DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.uint16, torch.float16, torch.bfloat16, torch.int32,
    torch.uint32, torch.float32, torch.complex64, torch.float64, torch.int64, torch.uint64, torch.float8_e4m3fn,
    torch.float8_e5m2, torch.float8_e8m0fnu, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
]  # fmt: skip
BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def values(dtype: Any, *shape: int) -> Any:
    """Bytes without a pattern, as a tensor."""
    width = torch.empty((), dtype=dtype).element_size()
    count = max(int(torch.Size(shape).numel()), 0) * width
    top = 2 if dtype is torch.bool else 256
    raw = torch.randint(0, top, (count,), dtype=torch.uint8, generator=torch.Generator().manual_seed(7))
    return raw.view(dtype).view(shape)


def bits(tensor: Any) -> Any:
    """The tensor's bytes, so that a NaN is itself."""
    if tensor.dtype is torch.complex64:
        tensor = torch.view_as_real(tensor)
    return tensor.contiguous().view(BITS[tensor.element_size()])


def saved(directory: Path, content: Any, name: str = "pytorch_model.bin", **options: Any) -> Path:
    directory.mkdir(exist_ok=True)
    torch.save(content, directory / name, **options)
    return directory


def loaded(converted: Converted) -> dict[str, Any]:
    tensors: dict[str, Any] = {}
    for file in converted.files:
        if file.name.endswith(".safetensors"):
            tensors.update(safetensors_torch.load_file(converted.directory / file.name))
    return tensors


def assert_same(expected: dict[str, Any], found: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert found[name].shape == tensor.shape, name
        assert torch.equal(bits(found[name]), bits(tensor)), name
