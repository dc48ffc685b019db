"""The element types and storage classes that a checkpoint can name, with their sizes.

Source: torch/storage.py and torch/_utils.py; c10/core/ScalarType.h has the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lisa_weights.safetensors.tensors import Dtype


@dataclass(frozen=True, slots=True)
class ForeignDtype:
    """An element type of PyTorch that safetensors does not have.

    Attributes:
        name: as PyTorch calls it.
        size: bytes of an element.
    """

    name: str
    size: int


ElementType = Dtype | ForeignDtype
"""The type of a tensor's elements."""


@dataclass(frozen=True, slots=True)
class StorageType:
    """A storage class; without a dtype it counts bytes (torch.UntypedStorage)."""

    dtype: ElementType | None


_DTYPES: Mapping[str, Dtype] = {
    "bool": Dtype.BOOL,
    "uint8": Dtype.U8,
    "int8": Dtype.I8,
    "int16": Dtype.I16,
    "uint16": Dtype.U16,
    "float16": Dtype.F16,
    "bfloat16": Dtype.BF16,
    "int32": Dtype.I32,
    "uint32": Dtype.U32,
    "float32": Dtype.F32,
    "complex64": Dtype.C64,
    "float64": Dtype.F64,
    "int64": Dtype.I64,
    "uint64": Dtype.U64,
    "float8_e4m3fn": Dtype.F8_E4M3,
    "float8_e5m2": Dtype.F8_E5M2,
    "float8_e8m0fnu": Dtype.F8_E8M0,
    "float8_e4m3fnuz": Dtype.F8_E4M3FNUZ,
    "float8_e5m2fnuz": Dtype.F8_E5M2FNUZ,
    "float4_e2m1fn_x2": Dtype.F4,
}
_FOREIGN: Mapping[str, int] = {
    "complex32": 4,
    "complex128": 16,
    "qint8": 1,
    "quint8": 1,
    "qint32": 4,
    "quint4x2": 1,
    "quint2x4": 1,
    "bits8": 1,
    "bits16": 2,
    "bits1x8": 1,
    "bits2x4": 1,
    "bits4x2": 1,
    **{f"{sign}{bits}": 1 for sign in ("int", "uint") for bits in range(1, 8)},
}
_STORAGES: Mapping[str, str] = {
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "IntStorage": "int32",
    "FloatStorage": "float32",
    "ComplexFloatStorage": "complex64",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}

ELEMENT_TYPES: Mapping[str, ElementType] = {
    **{f"torch.{name}": dtype for name, dtype in _DTYPES.items()},
    **{f"torch.{name}": ForeignDtype(name, size) for name, size in _FOREIGN.items()},
}
"""By the name in a checkpoint."""

STORAGE_TYPES: Mapping[str, StorageType] = {
    **{f"torch.{name}": StorageType(ELEMENT_TYPES[f"torch.{dtype}"]) for name, dtype in _STORAGES.items()},
    "torch.UntypedStorage": StorageType(None),
    "torch.storage.UntypedStorage": StorageType(None),
}
"""By the name in a checkpoint."""
