"""Verified copies: each block is read back and compared, and the SHA-256 of each file is computed on the way.

A block is read, written, read back and compared at once, while it is in the processor's cache; comparing the bytes
proves what equal digests would, and is faster. The same block is hashed next: by the same thread if files are written
in parallel, or by a separate thread if there is one file. Every byte of the output is read once, two cores are busy,
and a few MiB are in flight.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import TracebackType
from typing import Self

from lisa_weights.checkpoint.torch_checkpoint import Place
from lisa_weights.copying import BLOCK_BYTES, read_exactly, read_into, write_all
from lisa_weights.errors import WeightsError
from lisa_weights.output_tensors import OutputTensor

_IN_FLIGHT = 8
"""Blocks that wait for the threads at most. Their buffers are reused, since new memory would cost more."""

Progress = Callable[[str, int, int], None]
"""Called with the step ("convert" or "verify"), the bytes done and the bytes of all."""


class ProgressCounter:
    """Counts the bytes done of one step and reports them."""

    def __init__(self, step: str, total: int, progress: Progress | None) -> None:
        self._step = step
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = Lock()

    def add(self, count: int) -> None:
        """Add bytes that are done, from any thread."""
        with self._lock:
            self._done += count
            if self._progress is not None:
                self._progress(self._step, self._done, self._total)


class Verification:
    """Follows the writer of one file from its beginning to its end.

    Args:
        name: the file's, for messages.
        written: the file, open for reading too.
        counter: counts what has been hashed.
        checksums: compare each storage that is copied completely with the CRC-32 of its zip file, too.
        aside: hash in a separate thread.

    Attributes:
        summed: the storages whose CRC-32 was checked.
    """

    def __init__(self, name: str, written: int, counter: ProgressCounter, *, checksums: bool, aside: bool) -> None:
        self.summed: set[Place] = set()
        self._name = name
        self._written = written
        self._counter = counter
        self._checksums = checksums
        self._hashing = ThreadPoolExecutor(1) if aside else None
        self._state = hashlib.sha256()
        self._sum = 0
        self._written_bytes = bytearray(BLOCK_BYTES)
        self._idle = [bytearray(BLOCK_BYTES) for _ in range(_IN_FLIGHT if aside else 1)]
        self._busy: deque[tuple[bytearray, Future[None]]] = deque()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what has not begun."""
        if self._hashing:
            self._hashing.shutdown(cancel_futures=True)

    def on_header(self, head: bytes) -> None:
        """Check and hash the header after it was written.

        Raises:
            WeightsError: the file has different bytes.
        """
        if read_exactly(self._written, len(head), 0) != head:
            raise WeightsError(
                f"The header of {self._name} differs from what was written; check the disk and rerun the command."
            )
        self._hash_range(0, len(head))

    def copy(self, part: OutputTensor, at: int, offset: int, count: int) -> None:
        """Copy the next bytes of a tensor, BLOCK_BYTES at most, from so many bytes after its first to `at`.

        Raises:
            WeightsError: the file has different bytes there, or the storage differs from its checksum.
            OSError: the disk rejects them.
        """
        place = part.place
        buffer = self._buffer()
        data = memoryview(buffer)[:count]
        read_into(place.descriptor, data, place.start + part.view.offset * part.info.dtype.size + offset)
        write_all(self._written, data, at)
        read_into(self._written, memoryview(self._written_bytes)[:count], at)
        is_same = (
            buffer == self._written_bytes if count == BLOCK_BYTES else buffer[:count] == self._written_bytes[:count]
        )
        if not is_same:
            raise _differs(part)
        if self._checksums and place.crc is not None and part.info.nbytes == place.size:
            self._sum = zlib.crc32(data, self._sum if offset else 0)
            if offset + count == place.size:
                _require_sum(place, self._sum)
                self.summed.add(place)
        self._hash(buffer, data)

    def on_block(self, part: OutputTensor, at: int, data: bytes | memoryview) -> None:
        """Check a block of a tensor, in any order, after it was written to `at`.

        Raises:
            WeightsError: the file has different bytes there.
        """
        if read_exactly(self._written, len(data), at) != data:
            raise _differs(part)

    def complete(self, part: OutputTensor, at: int) -> None:
        """Hash a tensor whose blocks were all written from `at` on, and that comes next in the file."""
        self._hash_range(at, part.info.nbytes)

    def digest(self) -> str:
        """Wait until all is hashed; the SHA-256 of the file, in hexadecimal."""
        while self._busy:
            self._idle.append(self._oldest())
        return self._state.hexdigest()

    def _buffer(self) -> bytearray:
        return self._idle.pop() if self._idle else self._oldest()

    def _oldest(self) -> bytearray:
        """The buffer that has been in use longest, once the thread is done with it."""
        buffer, work = self._busy.popleft()
        work.result()
        return buffer

    def _hash_range(self, at: int, count: int) -> None:
        for offset in range(0, count, BLOCK_BYTES):
            buffer = self._buffer()
            data = memoryview(buffer)[: count - offset]
            read_into(self._written, data, at + offset)
            self._hash(buffer, data)

    def _hash(self, buffer: bytearray, data: memoryview) -> None:
        if self._hashing:
            self._busy.append((buffer, self._hashing.submit(self._update, data)))
        else:
            self._update(data)
            self._idle.append(buffer)

    def _update(self, data: memoryview) -> None:
        self._state.update(data)
        self._counter.add(len(data))


def verify_crc32(place: Place) -> None:
    """Compare a storage with the CRC-32 in its file, if there is one.

    Raises:
        WeightsError: the storage differs from its checksum.
    """
    if place.crc is None:
        return
    buffer = bytearray(BLOCK_BYTES)
    found = 0
    for offset in range(0, place.size, BLOCK_BYTES):
        data = memoryview(buffer)[: place.size - offset]
        read_into(place.descriptor, data, place.start + offset)
        found = zlib.crc32(data, found)
    _require_sum(place, found)


def _require_sum(place: Place, found: int) -> None:
    if found != place.crc:
        raise WeightsError(
            f"{place.name} is damaged: its bytes do not match its checksum (CRC-32); download the file again."
        )


def _differs(part: OutputTensor) -> WeightsError:
    return WeightsError(
        f"Tensor {part.info.name!r} differs from its source after writing; check the disk and rerun the command."
    )
