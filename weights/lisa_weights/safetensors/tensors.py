"""Tensors of the safetensors format: dtypes and the header's entry of a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Dtype(StrEnum):
    """An element type by the name that safetensors gives it, in the library's own order (its enum Dtype)."""

    BOOL = "BOOL"
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
    def size(self) -> int:
        """Bytes of one element."""
        return _SIZES[self]

    @property
    def rank(self) -> int:
        """Place in the library's order, by which it lays tensors out in a file, the highest first."""
        return _RANKS[self]


_SIZES = {
    dtype: 8 if dtype.endswith("64") else 4 if dtype.endswith("32") else 2 if dtype.endswith("16") else 1
    for dtype in Dtype
}
_RANKS = {dtype: rank for rank, dtype in enumerate(Dtype)}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """The entry of one tensor in a safetensors header.

    Attributes:
        name: its key.
        dtype: the type of an element.
        shape: elements along each dimension; empty for a scalar.
        nbytes: bytes of its data, the elements times their size.
    """

    name: str
    dtype: Dtype
    shape: tuple[int, ...]
    nbytes: int
