"""Read every tensor of safetensors once and count the values that training gone wrong, or damage, leaves.

NaN and infinity are recognized by their bits, so that types that numpy does not have are checked too.

Source: IEEE 754; OCP's FP8 (E4M3 has NaN alone, E5M2 is like IEEE) and MX (E8M0 has NaN 0xFF) specifications.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.layout import read_file
from lisa_weights.safetensors.tensors import Dtype, TensorInfo

if TYPE_CHECKING:
    import numpy as np

_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class TensorFinding:
    """A tensor with values that weights do not have.

    Attributes:
        file: its file.
        name: its name.
        nan: elements that are not a number.
        infinite: elements that are infinite.
        is_zero: whether all elements are zero.
    """

    file: str
    name: str
    nan: int
    infinite: int
    is_zero: bool


@dataclass(frozen=True, slots=True)
class _Bits:
    """How a type marks values: as an unsigned integer of `width` bytes.

    Attributes:
        width: bytes of an element, or of a part of a complex one.
        sign: the bit of the sign.
        exponent: the bits that are all set in NaN and infinity; in NaN alone where there is no infinity.
        mantissa: the bits of which one is set in NaN; 0 where there is no infinity.
        only: the one pattern that is NaN; None where the exponent decides.
    """

    width: int
    sign: int
    exponent: int = 0
    mantissa: int = 0
    only: int | None = None


_FLOATS = {
    Dtype.F64: _Bits(8, 1 << 63, 0x7FF << 52, (1 << 52) - 1),
    Dtype.F32: _Bits(4, 1 << 31, 0xFF << 23, (1 << 23) - 1),
    Dtype.C64: _Bits(4, 1 << 31, 0xFF << 23, (1 << 23) - 1),
    Dtype.F16: _Bits(2, 1 << 15, 0x1F << 10, (1 << 10) - 1),
    Dtype.BF16: _Bits(2, 1 << 15, 0xFF << 7, (1 << 7) - 1),
    Dtype.F8_E5M2: _Bits(1, 1 << 7, 0x1F << 2, 3),
    Dtype.F8_E4M3: _Bits(1, 1 << 7, 0x7F),
    Dtype.F8_E8M0: _Bits(1, 0, only=0xFF),
    Dtype.F8_E4M3FNUZ: _Bits(1, 0, only=0x80),
    Dtype.F8_E5M2FNUZ: _Bits(1, 0, only=0x80),
}


def is_available() -> bool:
    """Whether numpy is installed, which this needs."""
    try:
        import numpy as np  # noqa: F401  # 90 ms, and optional
    except ImportError:
        return False
    return True


def check_values(
    directory: Path, files: Iterable[str], progress: Callable[[str, int], None]
) -> tuple[TensorFinding, ...]:
    """Check the values of every tensor.

    Args:
        directory: the model's.
        files: its safetensors, relative to the directory.
        progress: receives a file and the bytes read since the last call.

    Returns:
        The tensors with findings, in the order of the files.

    Raises:
        WeightsError: a file is damaged or changes meanwhile.
    """
    found = []
    for file in files:
        tensors = read_file(directory / file).tensors
        with (directory / file).open("rb") as stream:
            stream.seek(-sum(tensor.nbytes for tensor in tensors), 2)
            for tensor in tensors:
                finding = _check(file, tensor, _blocks(stream.read, tensor.nbytes, file, progress))
                if finding is not None:
                    found.append(finding)
    return tuple(found)


def _blocks(
    read: Callable[[int], bytes], count: int, file: str, progress: Callable[[str, int], None]
) -> Iterable[bytes]:
    while count:
        block = read(min(count, _BLOCK_BYTES))
        if not block:
            raise WeightsError(f"{file} was truncated while it was read; rerun the command.")
        count -= len(block)
        progress(file, len(block))
        yield block


def _check(file: str, tensor: TensorInfo, blocks: Iterable[bytes]) -> TensorFinding | None:
    import numpy as np  # 90 ms, and optional

    bits = _FLOATS.get(tensor.dtype, _Bits(1, 0, only=None))
    nan = infinite = 0
    is_zero = True
    for block in blocks:
        values = np.frombuffer(block, f"<u{bits.width}")
        is_zero = is_zero and not _magnitudes(values, bits).any()
        if tensor.dtype in _FLOATS:
            of_block = _count(values, bits)
            nan, infinite = nan + of_block[0], infinite + of_block[1]
    is_zero = is_zero and tensor.count > 1 and tensor.dtype is not Dtype.F8_E8M0  # which has no zero
    if not (nan or infinite or is_zero):
        return None
    return TensorFinding(file, tensor.name, nan, infinite, is_zero)


def _magnitudes(values: np.ndarray, bits: _Bits) -> np.ndarray:
    return values & values.dtype.type((1 << 8 * bits.width) - 1 - bits.sign) if bits.sign else values


def _count(values: np.ndarray, bits: _Bits) -> tuple[int, int]:
    import numpy as np  # 90 ms, and optional

    kind = values.dtype.type
    if bits.only is not None:
        return int(np.count_nonzero(values == kind(bits.only))), 0
    special = (values & kind(bits.exponent)) == kind(bits.exponent)
    if not special.any():
        return 0, 0
    if not bits.mantissa:
        return int(np.count_nonzero(special)), 0
    nan = int(np.count_nonzero(special & ((values & kind(bits.mantissa)) != 0)))
    return nan, int(np.count_nonzero(special)) - nan
