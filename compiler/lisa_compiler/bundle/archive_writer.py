"""The archive of a bundle, written in one pass, a block of a file in memory at a time."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import IO

from lisa_compiler.bundle.archive import Tell
from lisa_compiler.bundle.manifest import MANIFEST, BundledFile, BundleError, BundleManifest
from lisa_compiler.bundle.sources import Source
from lisa_schema.atomic_file import replaced_file


def write_archive(target: Path, manifest: BundleManifest, sources: Mapping[str, Source], tell: Tell) -> None:
    """Write an archive beside its place, and move it there when it is complete.

    Raises:
        BundleError: a file is not what the manifest says, or the archive cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            replaced_file(target, mode=0o644, sync=True) as temporary,
            tarfile.open(temporary, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            content = manifest.render()
            tar.addfile(_entry(MANIFEST, len(content), executable=False), BytesIO(content))
            for file in manifest.stored:
                _add(tar, file, sources[file.path], tell)
    except OSError as error:
        raise BundleError(f"{target} cannot be written: {error.strerror or error}.") from error


def _entry(path: str, size: int, *, executable: bool) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size = size
    entry.mode = 0o755 if executable else 0o644
    return entry


def _add(tar: tarfile.TarFile, file: BundledFile, source: Source, tell: Tell) -> None:
    with source.file.open("rb") if source.file else BytesIO(source.content) as stream:
        reader = _Reader(stream, tell)
        try:
            tar.addfile(_entry(file.path, file.size, executable=file.executable), reader)
        except OSError as error:
            if reader.read_bytes < file.size and "unexpected end" in str(error):
                raise BundleError(f"{source.file} was truncated while it was read: rerun the command.") from error
            raise
        if stream.read(1) or reader.hexdigest() != file.sha256:
            raise BundleError(
                f"{source.file} changed while it was read, or does not match its lock file: rerun the command."
            )


class _Reader:
    """A stream that is hashed and counted while it is read."""

    def __init__(self, stream: IO[bytes], tell: Tell) -> None:
        self._stream = stream
        self._tell = tell
        self._digest = hashlib.sha256()
        self.read_bytes = 0

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        self._digest.update(block)
        self.read_bytes += len(block)
        self._tell(len(block))
        return block

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
