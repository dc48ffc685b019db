"""Put a carrier's file into a directory: as a reflink or a hard link where the file system can, else as a copy.

Where the carrier states a digest, the bytes that were put are read and compared with it.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from lisa_weights.carriers.tree import Tree
from lisa_weights.errors import WeightsError
from lisa_weights.store.hub_digests import DigestKind, new_digest

LINKED_FROM = 1 << 20
"""Bytes from which a file may be a hard link; a smaller one is copied, since it may be edited."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_HASH = re.compile(r"[0-9a-f]{40}")
_FICLONE = 0x40049409
_BLOCK_BYTES = 1 << 20

Report = Callable[[int], None]
"""Called with the bytes done since the last call."""


def place(tree: Tree, path: str, target: Path, report: Report, *, blobs_are_digests: bool) -> bool:
    """Put a file into a directory that does not have it, and verify it where its digest is known.

    Args:
        tree: the carrier.
        path: the file in it.
        target: its new path.
        report: receives the bytes done.
        blobs_are_digests: whether the name of a file's blob is the digest of its content, as in the Hub's cache.

    Returns:
        Whether the content was verified.

    Raises:
        WeightsError: the content differs from its digest or its size.
        OSError: the disk refuses.
    """
    entry = tree.entries[path]
    source = tree.location(path)
    expected = entry.sha256 or (entry.blob if blobs_are_digests else "")
    is_linked = source is not None and _link(source, target, entry.size)
    if is_linked and not _has_digest(expected):
        report(entry.size)
        return False
    digest = new_digest(DigestKind.GIT_BLOB if _GIT_HASH.fullmatch(expected) else DigestKind.SHA256, entry.size)
    size = 0
    with ExitStack() as opened:
        stream = opened.enter_context(target.open("rb") if is_linked else tree.open(path))
        copy = None if is_linked else opened.enter_context(target.open("xb"))
        while block := stream.read(_BLOCK_BYTES):
            size += len(block)
            digest.update(block)
            if copy is not None:
                copy.write(block)
            report(len(block))
    if size != entry.size or (_has_digest(expected) and digest.hexdigest() != expected):
        raise WeightsError(f"{path} differs from its {'digest' if size == entry.size else 'size'}. Carry it again.")
    return _has_digest(expected)


def is_on_disk_of(source: Path, directory: Path) -> bool:
    """Whether a file can be linked into a directory, instead of being copied."""
    return source.stat().st_dev == directory.stat().st_dev


def _has_digest(expected: str) -> bool:
    return _SHA256.fullmatch(expected) is not None or _GIT_HASH.fullmatch(expected) is not None


def _link(source: Path, target: Path, size: int) -> bool:
    """Share a file's bytes with a new one, if the file system can."""
    if _clone(source, target):
        return True
    if size < LINKED_FROM:
        return False
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _clone(source: Path, target: Path) -> bool:
    with source.open("rb") as original:
        copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            fcntl.ioctl(copy, _FICLONE, original.fileno())
        except OSError:
            target.unlink()
            return False
        finally:
            os.close(copy)
    return True
