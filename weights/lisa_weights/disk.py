"""The machine that a model is converted on or imported to: free space, memory, errors of the disk with their fixes."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lisa_weights.errors import WeightsError

_REASONS = {
    errno.ENOSPC: "the disk is full; free up space and rerun the command",
    errno.EDQUOT: "the disk quota is exceeded; free up space and rerun the command",
    errno.EACCES: "permission denied; make the directory readable and writable",
    errno.EPERM: "permission denied; make the directory readable and writable",
    errno.EROFS: "the file system is read-only; use a directory on a writable one",
}


def available_memory() -> int | None:
    """Bytes of memory that programs can use without swapping; None where the system does not report it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = (line.split() for line in lines if line.startswith("MemAvailable:"))
    return next((int(words[1]) << 10 for words in found), None)


def require_space(directory: Path, needed: int, model: str | None = None, verb: str = "convert") -> None:
    """Check that the disk has room before anything is written.

    Args:
        directory: an existing directory on the disk.
        needed: bytes of the files to write.
        model: name for messages; None for the directory's.
        verb: what is done to the model, for messages.

    Raises:
        WeightsError: fewer bytes are free.
    """
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise WeightsError(
            f"The disk is too full to {verb} {model or directory.name}: {needed} bytes are required, {free} are free. "
            "Free up space and rerun the command."
        )


@contextmanager
def explain_errors(model_dir: Path, done: str = "converted") -> Iterator[None]:
    """Turn an OSError during a conversion or an import into a WeightsError with the fix.

    Args:
        model_dir: the model's directory.
        done: what would have been done, for messages.

    Raises:
        WeightsError: the disk is full or read-only, a permission is missing, or another OSError occurred.
    """
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}; check the disk and rerun the command")
        raise WeightsError(f"{model_dir.name} was not {done}: {reason}.") from error
