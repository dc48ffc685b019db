"""Check what is written while it is written: each tensor against its source, each file's SHA-256 on the way.

The writer's own thread reads a piece back right after it was written, while the processor's cache still has it, and
compares it with the source; comparing the bytes proves what equal digests would, and is faster. The same bytes then go
to a thread that hashes. So every byte of the output is read once, two cores are busy, and a few MiB are in flight.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from lisa_weights.checkpoint import Place
from lisa_weights.copying import CHUNK, read_exactly, read_into
from lisa_weights.errors import WeightsError
from lisa_weights.ties import Part

_IN_FLIGHT = 8
"""Pieces that wait for the threads at most. They lie in buffers that are used again: new memory would cost more."""

Progress = Callable[[str, int, int], None]
"""Called with the step ("convert" or "verify"), the bytes done and the bytes of all."""


class Tally:
    """Bytes done of one step, told to whoever wants to show them."""

    def __init__(self, step: str, total: int, progress: Progress | None) -> None:
        self._step = step
        self._total = total
        self._progress = progress
        self._done = 0

    def add(self, count: int) -> None:
        """Tell that more bytes are done."""
        self._done += count
        if self._progress is not None:
            self._progress(self._step, self._done, self._total)


class Verification:
    """Follows a writer through the files that it writes from beginning to end, one after another.

    Args:
        tally: told what has been hashed.
        checksums: check the CRC-32 that a zip file carries of each storage, too; this reads every byte of the storages
            that no single tensor covers.
    """

    def __init__(self, tally: Tally, *, checksums: bool) -> None:
        self._tally = tally
        self._checksums = checksums
        self._hashing = ThreadPoolExecutor(1)
        self._summing = ThreadPoolExecutor(1)
        self._states: dict[str, hashlib._Hash] = {}
        self._state = hashlib.sha256()
        self._sum = 0
        self._summed: set[Place] = set()
        self._source = bytearray(CHUNK)
        self._idle = [bytearray(CHUNK) for _ in range(_IN_FLIGHT)]
        self._busy: deque[tuple[bytearray, Sequence[Future[None]]]] = deque()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what has not begun."""
        self._hashing.shutdown(cancel_futures=True)
        self._summing.shutdown(cancel_futures=True)

    def begin(self, name: str, written: int, head: bytes) -> None:
        """A file was begun with these bytes; what follows belongs to it until the next one begins.

        Raises:
            WeightsError: the file holds others.
        """
        self._state = self._states[name] = hashlib.sha256()
        if read_exactly(written, len(head), 0) != head:
            raise WeightsError(f"The header of {name} is not what was written; check the disk and run it again.")
        self._hash_range(written, 0, len(head))

    def copied(self, part: Part, written: int, at: int, offset: int, count: int) -> None:
        """The next bytes of a tensor, CHUNK at most, were copied to `at` from so many bytes after its first.

        Raises:
            WeightsError: the file holds others there.
        """
        place = part.place
        buffer = self._buffer()
        data = memoryview(buffer)[:count]
        read_into(written, data, at)
        start = place.start + part.view.offset * part.info.dtype.size + offset
        read_into(place.descriptor, memoryview(self._source)[:count], start)
        is_same = buffer == self._source if count == CHUNK else buffer[:count] == self._source[:count]
        if not is_same:
            raise _differs(part)
        work = [self._hashing.submit(self._hash, self._state, data)]
        if self._checksums and place.crc is not None and part.info.nbytes == place.size:
            self._summed.add(place)
            work.append(self._summing.submit(self._sum_up, place, offset, data))
        self._busy.append((buffer, work))

    def gathered(self, part: Part, written: int, at: int, data: bytes | memoryview) -> None:
        """A piece of a tensor, in no order, was written to `at`.

        Raises:
            WeightsError: the file holds something else there.
        """
        if read_exactly(written, len(data), at) != data:
            raise _differs(part)

    def complete(self, part: Part, written: int, at: int) -> None:
        """All pieces of a tensor were written from `at` on, and come next in the file."""
        self._hash_range(written, at, part.info.nbytes)

    def sum_others(self, places: Iterable[Place]) -> None:
        """Check the storages that were not copied as they are; does nothing without `checksums`."""
        for place in places:
            if not self._checksums or place.crc is None or place in self._summed:
                continue
            for offset, buffer, data in self._read(place.descriptor, place.start, place.size):
                self._busy.append((buffer, [self._summing.submit(self._sum_up, place, offset, data)]))

    def digests(self) -> Mapping[str, str]:
        """Wait until all is checked; the SHA-256 of each file, in hexadecimal.

        Raises:
            WeightsError: a storage is not what its checksum tells.
        """
        while self._busy:
            self._idle.append(self._oldest())
        return {name: state.hexdigest() for name, state in self._states.items()}

    def _buffer(self) -> bytearray:
        return self._idle.pop() if self._idle else self._oldest()

    def _oldest(self) -> bytearray:
        """The buffer that has been in use longest, once the threads are done with it."""
        buffer, work = self._busy.popleft()
        for done in work:
            done.result()
        return buffer

    def _read(self, descriptor: int, start: int, count: int) -> Iterator[tuple[int, bytearray, memoryview]]:
        for offset in range(0, count, CHUNK):
            buffer = self._buffer()
            data = memoryview(buffer)[: count - offset]
            read_into(descriptor, data, start + offset)
            yield offset, buffer, data

    def _hash_range(self, written: int, at: int, count: int) -> None:
        for _, buffer, data in self._read(written, at, count):
            self._busy.append((buffer, [self._hashing.submit(self._hash, self._state, data)]))

    def _hash(self, state: hashlib._Hash, data: memoryview) -> None:
        state.update(data)
        self._tally.add(len(data))

    def _sum_up(self, place: Place, offset: int, data: memoryview) -> None:
        self._sum = zlib.crc32(data, self._sum if offset else 0)
        if offset + len(data) == place.size and self._sum != place.crc:
            raise WeightsError(
                f"{place.name} is damaged: its bytes are not what its checksum (CRC-32) tells; download the file again."
            )


def _differs(part: Part) -> WeightsError:
    return WeightsError(
        f"Tensor {part.info.name!r} is not what its source is after writing; check the disk and run it again."
    )
