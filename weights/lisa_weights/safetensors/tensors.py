"""Tensors of the safetensors format: dtypes and the header's entry of a tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Dtype(StrEnum):
    """An element type by the name that safetensors gives it, in the library's own order (its enum Dtype)."""

    BOOL = "BOOL"
    F4 = "F4"
    F6_E2M3 = "F6_E2M3"
    F6_E3M2 = "F6_E3M2"
    U8 = "U8"
    I8 = "I8"
    F8_E5M2 = "F8_E5M2"
    F8_E4M3 = "F8_E4M3"
    F8_E8M0 = "F8_E8M0"
    F8_E4M3FNUZ = "F8_E4M3FNUZ"
    F8_E5M2FNUZ = "F8_E5M2FNUZ"
    I16 = "I16"
    U16 = "U16"
    F16 = "F16"
    BF16 = "BF16"
    I32 = "I32"
    U32 = "U32"
    F32 = "F32"
    C64 = "C64"
    F64 = "F64"
    I64 = "I64"
    U64 = "U64"

    @property
    def bits(self) -> int:
        """Bits of one element; those of 4 and 6 bits are packed without gaps."""
        return _BITS[self]

    @property
    def size(self) -> int:
        """Bytes of one element, or one byte where elements are packed."""
        return max(1, self.bits // 8)

    @property
    def per_byte(self) -> int:
        """Elements that share a byte, which PyTorch counts as one (`float4_e2m1fn_x2`); otherwise 1."""
        return 2 if self is Dtype.F4 else 1

    @property
    def rank(self) -> int:
        """Place in the library's order, by which it lays tensors out in a file, the highest first."""
        return _RANKS[self]


_SUFFIXES = {"64": 64, "32": 32, "16": 16, "F4": 4}
_BITS = {dtype: 6 if dtype.startswith("F6_") else _SUFFIXES.get(dtype[-2:], 8) for dtype in Dtype}
_RANKS = {dtype: rank for rank, dtype in enumerate(Dtype)}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """The entry of one tensor in a safetensors header.

    Attributes:
        name: its key.
        dtype: the type of an element.
        shape: elements along each dimension; empty for a scalar.
        nbytes: bytes of its data, the elements times their bits.
    """

    name: str
    dtype: Dtype
    shape: tuple[int, ...]
    nbytes: int

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)
