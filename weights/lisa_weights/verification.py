"""Check what was written: every tensor byte for byte against its source, and each file's SHA-256 on the way.

Comparing the bytes proves what equal digests would, and is faster; only the files' own digests are computed. Both run
in threads that follow the writer, and find in memory what it has just written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from lisa_weights.copying import CHUNK, pieces, read_exactly
from lisa_weights.errors import WeightsError
from lisa_weights.ties import Part

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
    """Follows a writer through the files that it writes from beginning to end, one after another."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._digests = ThreadPoolExecutor(1)
        self._comparisons = ThreadPoolExecutor(1)
        self._states: dict[str, hashlib._Hash] = {}
        self._pending: list[Future[None]] = []

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what has not begun."""
        self._digests.shutdown(cancel_futures=True)
        self._comparisons.shutdown(cancel_futures=True)

    def header(self, name: str, written: int, head: bytes) -> None:
        """A file was begun with these bytes."""
        self._states[name] = hashlib.sha256()
        self._pending.append(self._comparisons.submit(_compare_header, name, written, head))
        self._pending.append(self._digests.submit(self._digest, name, written, 0, len(head)))

    def tensor(self, name: str, written: int, part: Part, at: int) -> None:
        """The next tensor of a file was written, its data at this offset."""
        self._pending.append(self._comparisons.submit(_compare_tensor, part, written, at))
        self._pending.append(self._digests.submit(self._digest, name, written, at, part.info.nbytes))

    def digests(self) -> Mapping[str, str]:
        """Wait until all is checked; the SHA-256 of each file, in hexadecimal.

        Raises:
            WeightsError: something that was written differs from its source.
        """
        for pending in self._pending:
            pending.result()
        return {name: state.hexdigest() for name, state in self._states.items()}

    def _digest(self, name: str, written: int, start: int, count: int) -> None:
        for at in range(start, start + count, CHUNK):
            data = read_exactly(written, min(CHUNK, start + count - at), at)
            self._states[name].update(data)
            self._tally.add(len(data))


def _compare_header(name: str, written: int, head: bytes) -> None:
    if read_exactly(written, len(head), 0) != head:
        raise WeightsError(f"The header of {name} is not what was written; check the disk and run it again.")


def _compare_tensor(part: Part, written: int, at: int) -> None:
    for offset, data in pieces(part.view, part.place):
        if read_exactly(written, len(data), at + offset) != data:
            raise WeightsError(
                f"Tensor {part.info.name!r} is not what its source is after writing; check the disk and run it again."
            )
