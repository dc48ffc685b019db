"""Write the safetensors files of a conversion, two at a time, each checked on its way.

What a file holds is copied by one thread from its beginning to its end; shards do not share a file, so that they need
not wait for each other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from lisa_weights.checkpoint.torch_checkpoint import Place
from lisa_weights.copying import BLOCK_BYTES, copy_range, iter_blocks, write_all
from lisa_weights.output_tensors import OutputTensor
from lisa_weights.safetensors.file_names import INDEX
from lisa_weights.safetensors.layout import Layout
from lisa_weights.safetensors.shards import index_of
from lisa_weights.verification import Progress, ProgressCounter, Verification, verify_crc32

_WRITERS = 2
"""Threads: two saturate most disks, and what is in flight stays within the bound of memory."""


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """A safetensors file, or the index, of a converted model.

    Attributes:
        name: in the model's directory.
        size: bytes.
        sha256: digest in hexadecimal; None where nothing was verified or nothing written.
    """

    name: str
    size: int
    sha256: str | None


def write_files(
    directory: Path,
    layouts: Mapping[str, Layout],
    parts: Mapping[str, OutputTensor],
    *,
    verify: bool,
    checksums: bool,
    progress: Progress | None,
) -> tuple[ConvertedFile, ...]:
    """Write the files, and their index where there are several.

    Args:
        directory: an empty one.
        layouts: by file name.
        parts: where each tensor comes from, by the tensor's name.
        verify: compare what was written with its source, and compute the files' digests.
        checksums: with `verify`, compare the storages with the CRC-32 that their file carries.
        progress: called with the step ("convert", "verify"), the bytes done and the bytes of all, by one thread
            at a time.

    Returns:
        The files in their order, the index last.

    Raises:
        WeightsError: a written tensor differs from its source, or a storage from its checksum.
        OSError: the disk rejects them.
    """
    total = sum(layout.size for layout in layouts.values())
    writer = _Writer(
        directory,
        parts,
        ProgressCounter("convert", total, progress),
        ProgressCounter("verify", total, progress) if verify else None,
        checksums=checksums,
        aside=len(layouts) == 1,
    )
    with ThreadPoolExecutor(_WRITERS) as pool:
        running = [pool.submit(writer.write, name, layout) for name, layout in layouts.items()]
        try:
            files = [each.result() for each in running]
        except BaseException:
            writer.stopped.set()
            raise
    if verify and checksums:
        for place in dict.fromkeys(part.place for part in parts.values()):
            if place not in writer.summed:
                verify_crc32(place)
    if len(layouts) > 1:
        index = index_of({name: [tensor for tensor, _ in layout.places] for name, layout in layouts.items()})
        (directory / INDEX).write_bytes(index)
        files.append(ConvertedFile(INDEX, len(index), hashlib.sha256(index).hexdigest() if verify else None))
    return tuple(files)


class _Writer:
    """Writes files; several threads may call it at once."""

    def __init__(
        self,
        directory: Path,
        parts: Mapping[str, OutputTensor],
        copied: ProgressCounter,
        verified: ProgressCounter | None,
        *,
        checksums: bool,
        aside: bool,
    ) -> None:
        self._directory = directory
        self._parts = parts
        self._copied = copied
        self._verified = verified
        self._checksums = checksums
        self._aside = aside
        self.stopped = Event()
        self.summed: set[Place] = set()

    def write(self, name: str, layout: Layout) -> ConvertedFile:
        """Write a file; after `stopped` is set, it stays incomplete.

        Raises:
            WeightsError: a written tensor differs from its source.
            OSError: the disk rejects it.
        """
        with ExitStack() as opened:
            target = os.open(self._directory / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            opened.callback(os.close, target)
            check = None
            if self._verified:
                check = opened.enter_context(
                    Verification(name, target, self._verified, checksums=self._checksums, aside=self._aside)
                )
            write_all(target, layout.head, 0)
            if check:
                check.on_header(layout.head)
            self._copied.add(len(layout.head))
            for tensor, at in layout.places:
                if self.stopped.is_set():
                    break
                _write_tensor(self._parts[tensor.name], target, at, check)
                self._copied.add(tensor.nbytes)
            if check is None:
                return ConvertedFile(name, layout.size, None)
            digest = check.digest()
            self.summed |= check.summed
            return ConvertedFile(name, layout.size, digest)


def _write_tensor(part: OutputTensor, target: int, at: int, check: Verification | None) -> None:
    if not part.view.is_contiguous:
        for offset, data in iter_blocks(part.view, part.place):
            write_all(target, data, at + offset)
            if check:
                check.on_block(part, at + offset, data)
        if check:
            check.complete(part, at)
        return
    if check is None:
        start = part.place.start + part.view.offset * part.info.dtype.size
        copy_range(part.place.descriptor, start, target, at, part.info.nbytes)
        return
    for offset in range(0, part.info.nbytes, BLOCK_BYTES):
        check.copy(part, at + offset, offset, min(BLOCK_BYTES, part.info.nbytes - offset))
