"""A tar archive as a carrier, plain or compressed with gzip or zstd; nothing is extracted but regular files.

Members that lead out of the archive, devices, sparse files and repeated paths are refused. Links are followed to a
regular member, as an archive of the Hub's cache has them, and never created.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lisa_weights.carriers.compression import damage_errors, decompressed
from lisa_weights.carriers.tree import MAX_FILES, Entry, require_plain_path
from lisa_weights.errors import WeightsError

_MAX_READ = 8 << 20
_MAX_REST = 64 << 20


class TarTree:
    """The regular files of an open archive.

    Args:
        archive: the open archive.
        what: its name, for messages.
        max_bytes: content of all files at most.

    Raises:
        WeightsError: a member is refused, or the archive is damaged or larger.
    """

    def __init__(self, archive: tarfile.TarFile, what: str, max_bytes: int) -> None:
        self._archive = archive
        self._what = what
        self._members = self._list(max_bytes)
        self.entries: Mapping[str, Entry] = {
            path: Entry(member.size, member.name.rpartition("/")[2]) for path, member in self._members.items()
        }

    def open(self, path: str) -> IO[bytes]:
        """Open a file at its beginning; in the order of `entries` a compressed archive is read once."""
        stream = self._archive.extractfile(self._members[path])
        if stream is None:
            raise self._damaged(f"{path!r} is not a file")
        return stream

    def location(self, _path: str) -> None:
        """Return None: no file lies on the disk by itself."""
        return

    def _list(self, max_bytes: int) -> Mapping[str, tarfile.TarInfo]:
        files: dict[str, tarfile.TarInfo] = {}
        links: dict[str, tuple[str, str]] = {}
        left = max_bytes
        for member in self._archive:
            if member.isdir():
                continue
            path = require_plain_path(member.name, self._what)
            if path in files or path in links:
                raise self._refused(f"it has {path!r} twice")
            if len(files) + len(links) == MAX_FILES:
                raise self._refused(f"it has more than {MAX_FILES} files")
            if member.issym():
                links[path] = (posixpath.normpath(posixpath.join(posixpath.dirname(path), member.linkname)), path)
            elif member.islnk():
                links[path] = (posixpath.normpath(member.linkname), path)
            elif member.isreg() and not member.issparse():
                files[path] = member
                left -= member.size
                if left < 0:
                    raise self._refused(
                        f"its files have more than {max_bytes} bytes, which do not fit the disk", "Free up space."
                    )
            else:
                raise self._refused(f"{path!r} is a device, a sparse file or of an unknown type")
        return {**files, **{path: self._followed(path, target, files) for path, (target, _) in links.items()}}

    def _followed(self, path: str, target: str, files: Mapping[str, tarfile.TarInfo]) -> tarfile.TarInfo:
        if target not in files:
            raise self._refused(f"{path!r} is a link to {target[:200]!r}, which is not a file in the archive")
        return files[target]

    def _refused(self, why: str, fix: str = "Create the archive again from the model's directory.") -> WeightsError:
        return WeightsError(f"{self._what} was refused: {why}. {fix}")

    def _damaged(self, why: str) -> WeightsError:
        return WeightsError(f"{self._what} is damaged: {why}. Copy the archive again.")


@contextmanager
def open_tar(path: Path, max_bytes: int) -> Iterator[TarTree]:
    """Open an archive and list its files.

    Args:
        path: the archive.
        max_bytes: content of all files at most.

    Raises:
        WeightsError: it is not a tar archive, is compressed in another format than gzip and zstd, is damaged, or has a
            member that is refused.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}. Check its permissions.") from error
    with stream, open_tar_stream(stream, path.name, max_bytes) as tree:
        yield tree


@contextmanager
def open_tar_stream(stream: IO[bytes], what: str, max_bytes: int) -> Iterator[TarTree]:
    """Open an archive that is a file of another carrier, as open_tar does.

    Args:
        stream: the archive, which can be positioned.
        what: its name, for messages.
        max_bytes: content of all files at most.

    Raises:
        WeightsError: as open_tar.
    """
    content = decompressed(stream, what)
    damage: tuple[type[Exception], ...] = (tarfile.TarError, *damage_errors())
    try:
        with tarfile.TarFile(fileobj=_BoundedReads(content), mode="r") as archive:  # type: ignore[arg-type]
            tree = TarTree(archive, what, max_bytes)
            if content is not stream:
                _read_to_end(content)
            yield tree
    except damage as error:
        raise WeightsError(
            f"{what} is not a readable tar archive, plain or with gzip or zstd: {error}. Copy or create it again."
        ) from error


def _read_to_end(content: IO[bytes]) -> None:
    """Read the rest of a compressed archive, at whose end its checksum is compared."""
    left = _MAX_REST
    while block := content.read(_MAX_READ):
        left -= len(block)
        if left < 0:
            raise tarfile.ReadError("it has too many bytes after its last file")


class _BoundedReads:
    """Refuses to read much at once, so that a member's header cannot fill the memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_READ:
            raise tarfile.ReadError("a header of a member is too large")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()
