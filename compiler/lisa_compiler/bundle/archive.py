"""The archive of a bundle, verified and unpacked in one pass, a block of a file in memory at a time.

It is a plain tar (POSIX.1-2001, pax), not compressed, since weights, wheels and images do not get smaller. The entries
are bundle.json, then what it says is stored, in its order; there is no time, owner or link in it. `tar -xf` unpacks a
complete bundle as well, which the first one in a new network needs.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from lisa_compiler.bundle.manifest import MANIFEST, MAX_MANIFEST_BYTES, BundledFile, BundleError, BundleManifest, parse
from lisa_compiler.output.atomic_directory import create_directory_atomically

_BLOCK_BYTES: Final = 1 << 20

Tell = Callable[[int], None]
"""Receives how many more bytes were read or written."""


class Base(Protocol):
    """What a difference takes its other files from."""

    manifest: BundleManifest

    def open(self, file: BundledFile) -> IO[bytes]:
        """Open a file of the base by its digest; raises BundleError when it has none of it."""
        ...


class DirectoryBase:
    """An unpacked bundle."""

    def __init__(self, directory: Path) -> None:
        try:
            content = (directory / MANIFEST).read_bytes()
        except OSError as error:
            raise BundleError(f"{directory} is not an unpacked bundle: it has no readable {MANIFEST}.") from error
        self.manifest = parse(content, str(directory))
        self._directory = directory
        self._paths = {file.sha256: file.path for file in self.manifest.files}

    def open(self, file: BundledFile) -> IO[bytes]:
        path = self._paths.get(file.sha256)
        try:
            return (self._directory / _known(path, file)).open("rb")
        except OSError as error:
            raise BundleError(f"{self._directory} no longer has {path}. Unpack its bundle again.") from error


class ArchiveBase:
    """A complete bundle."""

    def __init__(self, archive: Path, tar: tarfile.TarFile) -> None:
        self.manifest = read_manifest(archive)
        if self.manifest.base is not None:
            raise BundleError(f"{archive} is an incremental bundle: unpack it, and pass its directory as the base.")
        self._archive = archive
        self._tar = tar
        self._paths = {file.sha256: file.path for file in self.manifest.files}
        self._entries = {entry.name: entry for entry in tar}

    def open(self, file: BundledFile) -> IO[bytes]:
        path = _known(self._paths.get(file.sha256), file)
        stream = self._tar.extractfile(self._entries[path]) if path in self._entries else None
        if stream is None:
            raise BundleError(f"{self._archive} does not contain {path}: it is truncated.")
        return stream


def _known(path: str | None, file: BundledFile) -> str:
    if path is None:
        raise BundleError(f"The base has no file with the content of {file.path}: pass the base bundle of this bundle.")
    return path


@contextmanager
def open_base(base: Path) -> Iterator[Base]:
    """Open a base: a complete bundle, or the directory that any bundle was unpacked to.

    Raises:
        BundleError: it is neither.
    """
    if base.is_dir():
        yield DirectoryBase(base)
        return
    read_manifest(base)
    with tarfile.open(base, mode="r:") as tar:
        yield ArchiveBase(base, tar)


def read_manifest(archive: Path) -> BundleManifest:
    """Read a bundle's manifest alone.

    Raises:
        BundleError: it is not a bundle.
    """
    with _opened(archive) as tar:
        return _manifest(tar, archive)


def verify(archive: Path, base: Path | None, tell: Tell) -> BundleManifest:
    """Read a complete bundle, and compare each byte with its manifest.

    Args:
        archive: the bundle.
        base: of a difference; its files are compared too. None compares what the archive holds.
        tell: receives the progress.

    Raises:
        BundleError: something is missing, different or too much.
    """
    with _opened(archive) as tar:
        manifest = _manifest(tar, archive)
        for file, stream in _stored(tar, manifest, archive):
            _require_same(file, _digest(stream, tell), archive)
    if base is not None:
        for file, stream in _from_base(manifest, base, archive):
            _require_same(file, _digest(stream, tell), base)
    return manifest


def unpack(archive: Path, directory: Path, base: Path | None, tell: Tell) -> BundleManifest:
    """Unpack a bundle into a new directory, verified, atomically.

    Args:
        archive: the bundle.
        directory: where to; it does not exist, or is empty.
        base: of a difference.
        tell: receives the progress.

    Raises:
        BundleError: the bundle is incomplete, or is incremental and has no base.
        LisaError: the directory holds something, or cannot be made.
    """
    with create_directory_atomically(directory) as staging, _opened(archive) as tar:
        manifest = _manifest(tar, archive)
        if manifest.base is not None and base is None:
            raise BundleError(f"{archive} is incremental to bundle {manifest.base}: pass that bundle with --base.")
        for file, stream in _stored(tar, manifest, archive):
            _save(staging, file, stream, archive, tell)
        if base is not None:
            for file, stream in _from_base(manifest, base, archive):
                _save(staging, file, stream, base, tell)
        (staging / MANIFEST).write_bytes(manifest.render())
    return manifest


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with archive.open("rb") as stream, tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK_BYTES) as tar:
            yield tar
    except tarfile.TarError as error:
        raise BundleError(f"{archive} is not a bundle, or is truncated ({error}).") from error
    except OSError as error:
        raise BundleError(f"{archive} cannot be read or unpacked: {error.strerror or error}.") from error


def _manifest(tar: tarfile.TarFile, archive: Path) -> BundleManifest:
    entry = tar.next()
    if entry is None or entry.name != MANIFEST or not entry.isreg() or entry.size > MAX_MANIFEST_BYTES:
        raise BundleError(f"{archive} does not start with {MANIFEST}: it is not a bundle.")
    stream = tar.extractfile(entry)
    return parse(stream.read() if stream else b"", str(archive))


def _stored(tar: tarfile.TarFile, manifest: BundleManifest, archive: Path) -> Iterator[tuple[BundledFile, IO[bytes]]]:
    """Yield the entries, which have to be what the manifest says, in its order, and regular files."""
    for file in manifest.stored:
        entry = tar.next()
        stream = tar.extractfile(entry) if entry is not None and entry.isreg() else None
        if entry is None or stream is None or entry.name != file.path or entry.size != file.size:
            expected = f"{file.path} ({file.size} bytes)"
            raise BundleError(
                f"{archive} {_description(entry, file)} instead of {expected}, which its {MANIFEST} lists: it was "
                "modified or truncated."
            )
        yield file, stream
    if (entry := tar.next()) is not None:
        raise BundleError(f"{archive} contains {entry.name}, which its {MANIFEST} does not list: it was modified.")


def _description(entry: tarfile.TarInfo | None, expected: BundledFile) -> str:
    if entry is None:
        return "ends"
    if entry.name != expected.path:
        return f"has {entry.name}"
    return f"has {entry.size} bytes" if entry.isreg() else "has a link or a special file"


def _from_base(manifest: BundleManifest, base: Path, archive: Path) -> Iterator[tuple[BundledFile, IO[bytes]]]:
    """Yield the files that a difference takes from its base, which has to be the one that it was made to."""
    with open_base(base) as opened:
        if manifest.base is not None and opened.manifest.digest != manifest.base:
            raise BundleError(
                f"{archive} is incremental to bundle {manifest.base}, but {base} is {opened.manifest.digest}."
            )
        for file in manifest.files:
            if not file.stored:
                with opened.open(file) as stream:
                    yield file, stream


def _require_same(file: BundledFile, digest: str, where: Path) -> None:
    if digest != file.sha256:
        raise BundleError(f"{file.path} in {where} does not match {MANIFEST}: it was modified, or the disk is faulty.")


def _digest(stream: IO[bytes], tell: Tell) -> str:
    digest = hashlib.sha256()
    for block in _blocks(stream, tell):
        digest.update(block)
    return digest.hexdigest()


def _blocks(stream: IO[bytes], tell: Tell) -> Iterator[bytes]:
    while block := stream.read(_BLOCK_BYTES):
        tell(len(block))
        yield block


def _save(directory: Path, file: BundledFile, stream: IO[bytes], where: Path, tell: Tell) -> None:
    path = directory / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as target:
        for block in _blocks(stream, tell):
            digest.update(block)
            target.write(block)
        os.fchmod(target.fileno(), 0o755 if file.executable else 0o644)
    _require_same(file, digest.hexdigest(), where)
