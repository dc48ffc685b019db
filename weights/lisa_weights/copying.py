"""Copy a tensor's bytes from a checkpoint to a position in another file, in bounded memory.

Contiguous bytes are copied by the kernel, without passing through this process. A transposed or sliced view is gathered
in blocks: the tensor is cut along its widest strides until a block's source fits a buffer.
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from lisa_weights.checkpoint.torch_checkpoint import Place
from lisa_weights.checkpoint.torch_records import View
from lisa_weights.errors import WeightsError

BUFFER = 4 << 20
"""Bytes in memory at most, for the source and again for the result."""

BLOCK_BYTES = 1 << 19
"""Bytes that are copied and compared at once: few enough to stay in the processor's cache."""

_FORMATS: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EXDEV, errno.ENOTSUP, errno.EPERM})

Transfer = Callable[[int, int, int, int, int], int]


def copy_range(source: int, start: int, target: int, at: int, count: int) -> None:
    """Copy `count` bytes between two open files, by the fastest way that both file systems support.

    Raises:
        WeightsError: the source ends before.
        OSError: the target rejects them.
    """
    ways = list(_WAYS)
    while count:
        try:
            done = ways[0](source, start, target, at, count)
        except OSError as error:
            if len(ways) == 1 or error.errno not in _UNSUPPORTED:
                raise
            del ways[0]
            continue
        if done == 0:
            if len(ways) == 1:
                raise _became_shorter()
            del ways[0]
        start, at, count = start + done, at + done, count - done


def _copy_in_kernel(source: int, start: int, target: int, at: int, count: int) -> int:
    return os.copy_file_range(source, target, min(count, 1 << 30), start, at)


def _send(source: int, start: int, target: int, at: int, count: int) -> int:
    os.lseek(target, at, os.SEEK_SET)
    return os.sendfile(target, source, start, min(count, 1 << 30))


def _copy_by_buffer(source: int, start: int, target: int, at: int, count: int) -> int:
    data = os.pread(source, min(count, BUFFER), start)
    write_all(target, data, at)
    return len(data)


_WAYS: tuple[Transfer, ...] = (
    *((_copy_in_kernel,) if hasattr(os, "copy_file_range") else ()),
    *((_send,) if hasattr(os, "sendfile") and os.uname().sysname == "Linux" else ()),
    _copy_by_buffer,
)


def write_all(target: int, data: bytes | memoryview, at: int) -> None:
    """Write all of it at an offset.

    Raises:
        OSError: the target rejects it.
    """
    left = memoryview(data)
    while left:
        done = os.pwrite(target, left, at)
        left, at = left[done:], at + done


def iter_blocks(view: View, place: Place) -> Iterator[tuple[int, bytes | memoryview]]:
    """Yield the tensor's bytes as (offset in the result, bytes), every byte once, in any order.

    Raises:
        WeightsError: the source ends before.
    """
    rows = _row_strides(view.shape)
    for block in _blocks(_Block(view.shape, view.strides, rows, view.offset, 0), view.dtype.size):
        yield from _gather(block, view.dtype.size, place)


def read_into(descriptor: int, target: memoryview, at: int) -> None:
    """Fill `target` from an offset.

    Raises:
        WeightsError: the file ends before.
    """
    if os.preadv(descriptor, [target], at) != len(target):
        raise _became_shorter()


def read_exactly(descriptor: int, count: int, at: int) -> bytes:
    """Read `count` bytes at an offset.

    Raises:
        WeightsError: the file ends before.
    """
    data = os.pread(descriptor, count, at)
    if len(data) != count:
        raise _became_shorter()
    return data


def _became_shorter() -> WeightsError:
    return WeightsError("A file was truncated while it was read; rerun the command.")


@dataclass(frozen=True, slots=True)
class _Block:
    """A box of a tensor; strides and offsets count elements, in the source and in the result."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    rows: tuple[int, ...]
    source: int
    result: int

    @property
    def span(self) -> int:
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))


def _row_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _blocks(block: _Block, width: int) -> Iterator[_Block]:
    """Cut until both the source's span and the elements of a block fit the buffer; never of an empty tensor."""
    limit = BUFFER // width
    pending = [block]
    while pending:
        block = pending.pop()
        if block.span > limit:
            axis = max((a for a, size in enumerate(block.shape) if size > 1), key=lambda a: block.strides[a])
        elif math.prod(block.shape) > limit:
            axis = next(a for a, size in enumerate(block.shape) if size > 1)
        else:
            yield block
            continue
        half = block.shape[axis] // 2
        first = (*block.shape[:axis], half, *block.shape[axis + 1 :])
        rest = (*block.shape[:axis], block.shape[axis] - half, *block.shape[axis + 1 :])
        second = replace(
            block,
            shape=rest,
            source=block.source + half * block.strides[axis],
            result=block.result + half * block.rows[axis],
        )
        pending += [second, replace(block, shape=first)]


def _gather(block: _Block, width: int, place: Place) -> Iterator[tuple[int, bytes | memoryview]]:
    code = _FORMATS[width]
    data = read_exactly(place.descriptor, block.span * width, place.start + block.source * width)
    source = memoryview(data).cast(code)
    packed = memoryview(bytearray(math.prod(block.shape) * width)).cast(code)
    steps = _row_strides(block.shape)
    if not block.shape:
        packed[0] = source[0]
    else:
        axis = max(range(len(block.shape)), key=lambda a: block.shape[a])
        size, stride, step = block.shape[axis], block.strides[axis], steps[axis]
        others = [a for a in range(len(block.shape)) if a != axis]
        for index in product(*(range(block.shape[a]) for a in others)):
            origin = sum(i * block.strides[a] for i, a in zip(index, others, strict=True))
            target = sum(i * steps[a] for i, a in zip(index, others, strict=True))
            run = slice(target, target + (size - 1) * step + 1, step)
            if stride:
                packed[run] = source[origin : origin + (size - 1) * stride + 1 : stride]
            else:
                packed[run] = memoryview(bytes(source[origin : origin + 1]) * size).cast(code)
    yield from _runs(block, packed.cast("B"), steps, width)


def _runs(
    block: _Block, packed: memoryview, steps: tuple[int, ...], width: int
) -> Iterator[tuple[int, bytes | memoryview]]:
    """Cut the packed block where the result has a gap."""
    whole = len(block.shape)
    while whole and (block.shape[whole - 1] == 1 or steps[whole - 1] == block.rows[whole - 1]):
        whole -= 1
    length = math.prod(block.shape[whole:]) * width
    position = 0
    for index in product(*(range(size) for size in block.shape[:whole])):
        at = block.result + sum(i * row for i, row in zip(index, block.rows[:whole], strict=True))
        yield at * width, packed[position : position + length]
        position += length
