"""Atomic replacement of files: a reader sees the old content or the new one, whatever interrupts the writer.

The new content is written into a temporary directory beside the file, and so on the same file system, and renamed. A
lock on that directory shows whether its writer still runs; each write removes the directories that killed writers of
the same file left.

The module stands in the lowest package because the compiler and the conversion of weights share it. No Lambda function
imports it, so a change of it changes no function's digest.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DEFAULT_MODE = 0o644


def replace_file(target: Path, content: bytes, *, mode: int | None = None, sync: bool = False) -> None:
    """Replace a file's content atomically, or create the file.

    Args:
        target: the file, whose directory exists. A symbolic link is replaced, and the file that it leads to stays.
        content: the new content.
        mode: permission bits, whatever the umask; None keeps those of the file, or uses 0644 for a new one.
        sync: whether the content is on the disk before the old one is gone.

    Raises:
        OSError: the system refuses; the file is unchanged.
    """
    with replaced_file(target, mode=mode, sync=sync) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replaced_file(target: Path, *, mode: int | None = None, sync: bool = False) -> Iterator[Path]:
    """Yield the path of a file to write, which replaces the target when the block ends without an error.

    Only the owner can reach the file until then. Arguments and errors are those of `replace_file`; of several writers
    at the same time, the last one to finish wins.
    """
    with temporary_directory(target.parent, target.name) as directory:
        temporary = directory / target.name
        yield temporary
        temporary.chmod(_mode_of(target) if mode is None else mode)
        if sync:
            _sync(temporary)
        temporary.replace(target)
        if sync:
            with suppress(OSError):  # some file systems cannot sync a directory
                _sync(target.parent)


@contextmanager
def exclusive_access(directory: Path) -> Iterator[None]:
    """Lock a directory, for a change that reads a file in it and replaces the file; waits for other processes.

    Where the directory cannot be opened or its file system has no locks, the block runs without one.
    """
    descriptor = None
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def temporary_directory(parent: Path, name: str) -> Iterator[Path]:
    """Yield an empty directory of mode 0700, which is removed at the end, or by the next call after a kill.

    Args:
        parent: the directory that it is made in.
        name: what it is for; calls with another name do not touch it.

    Raises:
        OSError: it cannot be made.
    """
    remove_abandoned(parent / name)
    while True:
        directory = parent / f".{name}.{os.urandom(4).hex()}.part"
        directory.mkdir(mode=0o700)
        descriptor = _locked(directory)
        if descriptor is not None:
            break
    try:
        yield directory
    finally:
        _remove(directory)
        os.close(descriptor)


def remove_abandoned(target: Path) -> None:
    """Remove the temporary directories that killed writers of a file left; each write of the file does it, too.

    Raises:
        OSError: the directory of the file cannot be read.
    """
    pattern = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.part")
    for entry in target.parent.iterdir():
        if pattern.fullmatch(entry.name):
            _remove_abandoned(entry)


def _locked(directory: Path) -> int | None:
    """A descriptor that holds the lock of a directory; None when another process removes it."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        # A file system without locks: no process can lock the directory, so none removes it.
        return descriptor
    if not directory.exists():
        os.close(descriptor)
        return None
    return descriptor


def _remove_abandoned(directory: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(directory)
        finally:
            os.close(descriptor)


def _remove(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:
        import shutil  # with bz2 and lzma 8 ms, which a compile without changes does not need to spend

        shutil.rmtree(directory, ignore_errors=True)


def _mode_of(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o7777
    except FileNotFoundError:
        return _DEFAULT_MODE


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
