"""Detect whether a local model may have changed by names, sizes and times, without reading its files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

Stamp = tuple[int, int, int]
"""Of a file: bytes, and nanoseconds of its last change of content and of its last change of any kind."""


def stamp(path: Path) -> Stamp:
    """Take a file's stamp.

    Raises:
        OSError: the system refuses.
    """
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def fingerprint(directory: Path) -> str:
    """Combine the stamps of all files of a model's directory; hidden files are skipped.

    Returns:
        A digest in hexadecimal, or `absent` where there is no directory.

    Raises:
        OSError: the system refuses.
    """
    if not directory.is_dir():
        return "absent"
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(folder, name)
            digest.update(repr((path.relative_to(directory).as_posix(), *_any_stamp(path))).encode())
    return digest.hexdigest()


def _any_stamp(path: Path) -> Stamp:
    """The stamp of a file, or of the link itself if its target does not exist."""
    try:
        return stamp(path)
    except FileNotFoundError:
        status = path.lstat()
        return -1, status.st_mtime_ns, status.st_ctime_ns
